"""Generated weights inside PyTorch models.

Raises:
    CompileError: TN024 on import, if PyTorch is not installed.
"""

from importlib.util import find_spec

from tnc.extras import missing

if find_spec("torch") is None:
    raise missing("torch", "`tnc.torch` cannot be imported")

from tnc.torch.adapters import adapter_names as adapter_names
from tnc.torch.adapters import disable_adapters as disable_adapters
from tnc.torch.adapters import enable_adapters as enable_adapters
from tnc.torch.adapters import remove_adapters as remove_adapters
from tnc.torch.generated import Generated as Generated
from tnc.torch.loading import load_layers as load_layers
from tnc.torch.plan import LayerPlan as LayerPlan
from tnc.torch.plan import LayerRow as LayerRow
from tnc.torch.replacing import merge_layers as merge_layers
from tnc.torch.replacing import plan_layers as plan_layers
from tnc.torch.replacing import replace_layers as replace_layers
from tnc.torch.saving import save_layers as save_layers
from tnc.torch.sharding import shard_layers as shard_layers
from tnc.torch.training import cached as cached
from tnc.torch.training import core_groups as core_groups
