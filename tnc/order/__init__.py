"""From a Program to a Schedule: contraction orders, memory layouts, loops."""

from tnc.order.options import OBJECTIVES as OBJECTIVES
from tnc.order.options import Objective as Objective
from tnc.order.options import PlanOptions as PlanOptions
from tnc.order.plan import plan as plan
