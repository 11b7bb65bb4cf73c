"""Generated weights of layers, for any framework: templates, patterns of names, files of cores."""

from tnc.layers.names import select as select
from tnc.layers.template import Template as Template
from tnc.layers.template import layer_network as layer_network
from tnc.layers.template import make_template as make_template
from tnc.layers.template import weight_network as weight_network
