"""What a Schedule costs: FLOPs, bytes, what autograd keeps, what is alive when."""

from tnc.cost.annotate import annotate as annotate
from tnc.cost.totals import Totals as Totals
from tnc.cost.totals import totals as totals
