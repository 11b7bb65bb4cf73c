"""Whether plans that are predicted to differ do so, and the right way round: several plans a network, all timed."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any, cast

import torch

from benchmarks.cases import Case
from benchmarks.contenders import frameworks
from benchmarks.contenders.eager import EagerStep
from benchmarks.contenders.ours import Generated
from tnc import codegen, ir, order, passes
from tnc.cost import Target
from tnc.cost.device import Profile
from tnc.modules import module_of_source, torch_class
from tnc.order import Evaluation, Objective, PlanOptions

PLANS = 12
"""Plans that are timed of a network at most."""

FAR = 3.0
"""Plans predicted to take more than this factor of the best time are left out."""

APART = 1.2
"""Plans whose measured times differ by more than this factor must be predicted the right way round."""


@dataclass(frozen=True, slots=True)
class Timed:
    """A plan: the seconds of a step as predicted, and as measured (the median of its rounds)."""

    predicted: float
    measured: float


@dataclass(frozen=True, slots=True)
class Ranking:
    """The plans of a network, on what profile they were predicted, the best predicted first."""

    case: str
    held_out: bool
    profile: str
    plans: tuple[Timed, ...]

    @property
    def pairs(self) -> tuple[int, int]:
        """How many pairs of plans are apart, and how many of those were predicted the right way round."""
        far = [pair for pair in combinations(self.plans, 2) if _ratio(pair) > APART]
        right = sum((a.predicted < b.predicted) == (a.measured < b.measured) for a, b in far)
        return len(far), right

    @property
    def loss(self) -> float:
        """The measured time of the plan that was predicted to be best, over that of the best measured one."""
        return self.plans[0].measured / min(plan.measured for plan in self.plans)


def _ratio(pair: tuple[Timed, Timed]) -> float:
    times = sorted(plan.measured for plan in pair)
    return times[1] / times[0]


@dataclass(frozen=True, slots=True)
class _Nth:
    """A chooser: the candidate with this place among those of a region that are not far from its best."""

    place: int

    def __call__(self, evaluations: Sequence[Evaluation], objective: Objective) -> int:
        best = min(each.seconds for each in evaluations)
        near = [number for number, each in enumerate(evaluations) if each.seconds <= FAR * best]
        near.sort(key=lambda number: evaluations[number].seconds)
        return near[min(self.place, len(near) - 1)]


def rank(case: Case, profile: Profile, seconds: float, most: int = PLANS) -> Ranking:
    """Time at most ``most`` plans of a case in turns, for about ``seconds``."""
    plans = dict(_plans(case, profile, 2 * most))
    nearest = sorted(plans.items(), key=lambda item: item[1])[:most]
    steps = [(_step(case, text), predicted) for text, predicted in nearest if predicted <= FAR * nearest[0][1]]
    times: list[list[float]] = [[] for _ in steps]
    for step, _ in steps:
        step.run()
    start = perf_counter()
    while len(times[0]) < 3 or perf_counter() - start < seconds:
        for (step, _), found in zip(steps, times, strict=True):
            found.append(step.run().total)
    timed = tuple(Timed(predicted, median(found)) for (_, predicted), found in zip(steps, times, strict=True))
    return Ranking(case.name, case.held_out, profile.name, timed)


def _plans(case: Case, profile: Profile, places: int) -> Iterator[tuple[str, float]]:
    """Different texts that compute a case, with the predicted seconds of a step."""
    initialised = case.load().initialised
    program = initialised.program
    stacks = ir.stacks(program, initialised.initialisation.inits)
    optimised = passes.run_passes(program)
    options = PlanOptions(tuple(case.sizes.items()), "float32", Target(device=profile), input_grads=False)
    emitter = codegen.emitter("torch")
    for place in range(places):
        plan, _ = order.decide(optimised, stacks, ir.digest(program), options, _Nth(place))
        assert plan.predicted is not None
        text = emitter.emit(plan)
        # The header tells the predicted time, which differs though the code may be the same.
        yield text[text.index('"""', 3) + 3 :], plan.predicted.forward + plan.predicted.backward


def _step(case: Case, text: str) -> EagerStep:
    frameworks.seed(0)
    module = cast("Generated", torch_class(module_of_source(case.network, "torch", text))())
    shapes = (tensor.shape for tensor in case.load().program.inputs)
    inputs = [torch.randn([case.sizes[size] if isinstance(size, str) else size for size in shape]) for shape in shapes]
    with torch.no_grad():
        cotangent = torch.randn_like(module(*inputs))
    return EagerStep(lambda: module(*inputs), dict(module.named_parameters()), cotangent)


def write(rankings: Sequence[Ranking], path: Path) -> None:
    """To a JSON file, with four significant digits."""
    data = [asdict(ranking) for ranking in rankings]
    for ranking in data:
        for plan in ranking["plans"]:
            plan.update({key: float(f"{value:.4g}") for key, value in plan.items()})
    path.write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")


def read(path: Path) -> tuple[Ranking, ...]:
    """From a JSON file."""
    data: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))
    return tuple(
        Ranking(raw["case"], raw["held_out"], raw["profile"], tuple(Timed(**plan) for plan in raw["plans"]))
        for raw in data
    )
