"""What a budget on the time of a step is held against: the plan for that device and those sizes."""

from __future__ import annotations

import pytest

from tests.order.networks import core, einsum, network
from tnc.cost import Target
from tnc.ir import stacks
from tnc.ir.program import Input, Normal, Program, Requirement
from tnc.ir.schedule import Plan
from tnc.order import PlanOptions, plan
from tnc.report.step_time import Unpredicted, step_times

LAYER = network(
    [einsum("y", "zo", ("x", "zi"), ("a", "ir"), ("b", "ro"), z="batch", i=256, o=256, r=8)],
    [core("a", (256, 8)), core("b", (8, 256))],
    (Input("x", ("batch", 256)),),
)


def requiring(*requirements: Requirement) -> Program:
    return Program(LAYER.name, LAYER.parameters, LAYER.inputs, LAYER.statements, LAYER.outputs, requirements)


def planned(options: PlanOptions) -> Plan:
    inits = {str(parameter.name): Normal(1.0) for parameter in LAYER.parameters}
    return plan(LAYER, stacks(LAYER, inits), "", options)


def test_it_is_predicted_for_the_device_and_the_sizes_of_the_budget() -> None:
    small = Requirement("step_time", "<=", 1.0, None, "generic-cpu", (("batch", 1),))
    large = Requirement("step_time", "<=", 1.0, None, "generic-cpu", (("batch", 4096),))
    other = Requirement("step_time", "<=", 1.0, None, "h100", (("batch", 4096),))
    asked = PlanOptions((("batch", 7),), target=Target().on("a100"), objective="memory", forward_only=True)
    found = step_times(requiring(small, large, other), planned, asked)
    times: list[float] = []
    for requirement in (small, large, other):
        own = planned(PlanOptions(requirement.sizes, target=Target().on(requirement.device)))
        assert own.predicted is not None
        assert found[requirement] == own.predicted.training
        times.append(own.predicted.training)
    assert times[0] < times[1]
    assert times[2] < times[1]


def test_sizes_that_it_does_not_name_are_those_asked_for() -> None:
    requirement = Requirement("step_time", "<=", 1.0, None, "h100")
    found = step_times(requiring(requirement), planned, PlanOptions((("batch", 4096),)))
    own = planned(PlanOptions((("batch", 4096),), target=Target().on("h100")))
    assert own.predicted is not None
    assert found[requirement] == own.predicted.training


@pytest.mark.parametrize(
    ("requirement", "reason"),
    [
        (Requirement("step_time", "<=", 1.0, None, "h1000"), "no device `h1000` is known"),
        (
            Requirement("step_time", "<=", 1.0, None, "h100", (("z", 3),)),
            "network `net` has no dynamic dimension `z`",
        ),
    ],
)
def test_what_cannot_be_predicted(requirement: Requirement, reason: str) -> None:
    found = step_times(requiring(requirement), planned, PlanOptions())[requirement]
    assert isinstance(found, Unpredicted)
    assert found.reason == reason
    assert found.help
