"""From a Program to a Schedule: contraction orders, memory layouts, loops."""

from tnc.order.contraction import Known as Known
from tnc.order.evaluation import Chooser as Chooser
from tnc.order.evaluation import Decision as Decision
from tnc.order.evaluation import Evaluation as Evaluation
from tnc.order.options import OBJECTIVES as OBJECTIVES
from tnc.order.options import Objective as Objective
from tnc.order.options import PlanOptions as PlanOptions
from tnc.order.plan import decide as decide
from tnc.order.plan import evaluate_plan as evaluate_plan
from tnc.order.plan import nominal_sizes as nominal_sizes
from tnc.order.plan import plan as plan
