"""`require`: budgets on the finished plan."""

from __future__ import annotations

from collections.abc import Iterator

from tnc.diagnostics.suggest import unknown
from tnc.ir.metrics import METRICS, STEP_TIME
from tnc.ir.program import Requirement
from tnc.sema.meter import integer
from tnc.sema.names.scope import Scope
from tnc.sema.names.walk import names, unwrapped
from tnc.sema.problem import Problem, fail
from tnc.sema.values.arithmetic import as_float
from tnc.sema.values.evaluate import Evaluator
from tnc.syntax import tree

_METRICS = (*METRICS, STEP_TIME)

_FLIPPED = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "==": "==", "!=": "!="}


def requirements(node: tree.Require, scope: Scope, evaluator: Evaluator) -> Iterator[Requirement]:
    """The budgets of one statement: as a rule one, more for a chained comparison or `and`."""
    condition = unwrapped(node.condition)
    if isinstance(condition, tree.Logical) and condition.operator == "and":
        for operand in condition.operands:
            yield from _comparison(unwrapped(operand), node, scope, evaluator)
    else:
        yield from _comparison(condition, node, scope, evaluator)


def _comparison(condition: tree.Expr, node: tree.Require, scope: Scope, evaluator: Evaluator) -> Iterator[Requirement]:
    example = "a budget compares a metric with a number: `require params <= 500k`"
    if not isinstance(condition, tree.Comparison):
        fail("TN254", "a `require` needs a comparison", condition.span, help=example)
    for k, relation in enumerate(condition.operators):
        left, right = condition.operands[k], condition.operands[k + 1]
        left_metric, right_metric = _metric(left, scope), _metric(right, scope)
        if left_metric is None and right_metric is None:
            _no_metric(condition, scope, example)
        if left_metric is not None and right_metric is not None:
            fail("TN254", "a budget compares one metric with a number, not two metrics", condition.span, help=example)
        if left_metric is not None:
            yield _requirement(left, relation, right, node, scope, evaluator)
        else:
            yield _requirement(right, _FLIPPED[relation], left, node, scope, evaluator)


def _metric(expr: tree.Expr, scope: Scope) -> str | None:
    expr = unwrapped(expr)
    if isinstance(expr, tree.Call):
        expr = expr.function
    return expr.text if isinstance(expr, tree.Name) and expr.text in _METRICS else None


def _no_metric(condition: tree.Comparison, scope: Scope, example: str) -> None:
    for name in names(condition):
        if scope.find(name.text) is None:
            raise Problem(unknown("TN254", "metric", name.text, _METRICS, name.span))
    fail(
        "TN254",
        "no metric is compared here: this is known already",
        condition.span,
        help=f"{example}; what is known at compile time is checked by `assert`",
    )


def _requirement(
    metric: tree.Expr, relation: str, bound: tree.Expr, node: tree.Require, scope: Scope, evaluator: Evaluator
) -> Requirement:
    metric = unwrapped(metric)
    name = metric.function if isinstance(metric, tree.Call) else metric
    assert isinstance(name, tree.Name)
    limit = as_float(evaluator.evaluate(bound, scope), bound.span, "a budget")
    device: str | None = None
    sizes: list[tuple[str, int]] = []
    if name.text == "step_time" and not (isinstance(metric, tree.Call) and metric.arguments):
        fail("TN254", "`step_time` needs a device", metric.span, help='write `step_time("h100", batch = 128)`')
    if isinstance(metric, tree.Call):
        if name.text != "step_time" and metric.arguments:
            fail("TN254", f"`{name.text}` takes no arguments", metric.span)
        for argument in metric.arguments:
            if argument.name is None:
                value = evaluator.evaluate(argument.value, scope)
                if device is not None or not isinstance(value, str):
                    fail(
                        "TN254",
                        "`step_time` takes the name of one device",
                        argument.span,
                        help='write `step_time("h100", batch = 128)`',
                    )
                device = value
            else:
                size = evaluator.integer(argument.value, scope, f"`{argument.name}`")
                if size < 1:
                    fail("TN254", f"`{argument.name}` must be at least 1, not {integer(size)}", argument.span)
                sizes.append((argument.name, size))
        if name.text == "step_time" and device is None:
            fail("TN254", "`step_time` needs a device", metric.span, help='write `step_time("h100", batch = 128)`')
    return Requirement(name.text, relation, limit, node.message, device, tuple(sizes), node.span)
