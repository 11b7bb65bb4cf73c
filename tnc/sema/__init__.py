"""Names, compile-time values and legs: from syntax trees to Programs."""

from tnc.sema.compile import elaborate as elaborate
from tnc.sema.library import Library as Library
from tnc.sema.library import load as load
from tnc.sema.loader import Reader as Reader
from tnc.sema.loader import standard_names as standard_names
from tnc.sema.problem import merge as merge
