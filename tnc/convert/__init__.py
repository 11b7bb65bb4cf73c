"""Networks and cores of other libraries: ``from tnc.convert import from_quimb``; docs/conversion.md has examples.

No other library is imported: objects are read by their attributes.
"""

from tnc.convert.lora import Lora as Lora
from tnc.convert.lora import from_peft as from_peft
from tnc.convert.lora import to_lora as to_lora
from tnc.convert.networks import Converted as Converted
from tnc.convert.networks import from_einsum as from_einsum
from tnc.convert.networks import from_quimb as from_quimb
from tnc.convert.networks import from_tltorch as from_tltorch

__all__ = ["Converted", "Lora", "from_einsum", "from_peft", "from_quimb", "from_tltorch", "to_lora"]
