"""How cores start: deviations of tensors, the initialisation that corrects them, and lints on ranges of dtypes."""

from tnc.init.initialise import Deviation as Deviation
from tnc.init.initialise import Initialisation as Initialisation
from tnc.init.initialise import initialise as initialise
