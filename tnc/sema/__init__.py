"""Names, compile-time values and legs: from syntax trees to Programs."""

from tnc.sema.files.library import Library as Library
from tnc.sema.files.library import load as load
from tnc.sema.files.loader import Reader as Reader
from tnc.sema.files.loader import standard_names as standard_names
from tnc.sema.networks.compile import elaborate as elaborate
from tnc.sema.problem import merge as merge
