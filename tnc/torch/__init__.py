"""Generated weights inside PyTorch models."""

from tnc.torch.generated import Generated as Generated
from tnc.torch.plan import LayerPlan as LayerPlan
from tnc.torch.plan import LayerRow as LayerRow
from tnc.torch.replacing import merge_layers as merge_layers
from tnc.torch.replacing import plan_layers as plan_layers
from tnc.torch.replacing import replace_layers as replace_layers
