"""What emitters share: source text, names, the walk over a Schedule, and the registry through which they are found."""

from tnc.codegen.registry import BACKENDS as BACKENDS
from tnc.codegen.registry import Emitter as Emitter
from tnc.codegen.registry import emitter as emitter
from tnc.codegen.registry import target as target
