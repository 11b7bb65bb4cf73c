"""Generated weights inside JAX models: ``small, expand = tnc.jax.replace(params, {"**/kernel": "attn"}, key=key)``.

Raises:
    CompileError: TN024 on import, if JAX is not installed.
"""

from importlib.util import find_spec

from tnc.extras import missing

if find_spec("jax") is None:
    raise missing("jax", "`tnc.jax` cannot be imported")

from tnc.jax.expanding import Expand as Expand
from tnc.jax.expanding import Replaced as Replaced
from tnc.jax.files import load_layers as load_layers
from tnc.jax.files import save_layers as save_layers
from tnc.jax.generated import Generated as Generated
from tnc.jax.planning import LayerPlan as LayerPlan
from tnc.jax.planning import LayerRow as LayerRow
from tnc.jax.planning import plan_layers as plan_layers
from tnc.jax.replacing import core_labels as core_labels
from tnc.jax.replacing import replace as replace
from tnc.jax.sharding import ShardedExpand as ShardedExpand
from tnc.jax.sharding import shard as shard
