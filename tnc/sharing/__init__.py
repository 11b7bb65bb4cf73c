"""Whether a tensor that is used several times is built once, or computed anew within each use."""

from tnc.sharing.choice import Choice as Choice
from tnc.sharing.choice import SharingDecision as SharingDecision
from tnc.sharing.choice import decide as decide
from tnc.sharing.choice import plan as plan
from tnc.sharing.shared import SharedTensor as SharedTensor
from tnc.sharing.shared import shared_tensors as shared_tensors
