"""What a Schedule costs: FLOPs, bytes, what autograd keeps, what is alive when."""

from tnc.cost.annotate import annotate as annotate
from tnc.cost.target import Target as Target
from tnc.cost.totals import totals as totals
