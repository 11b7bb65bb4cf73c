"""The candidates of a region as values: what each one takes, and which one is chosen."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from tnc.cost.predict import timed
from tnc.cost.run import Run, run
from tnc.cost.time import Clock
from tnc.ir.cost import Terms
from tnc.ir.extent import evaluate
from tnc.ir.reads import reads
from tnc.ir.schedule import InputTensor, Read, Result, Schedule, Stack, Step
from tnc.order.builder import Builder
from tnc.order.options import Objective

TOLERANCE = 1.05
"""A regular candidate wins unless another is faster by more than this factor: it becomes a loop, and reads like the
source."""

MARGIN = 1.5
"""The reference wins unless another candidate is faster by more than this factor. With 1.25, a plan for JAX took 1.15
times as long as that for eager PyTorch, and no plan may get slower by this choice (decision 29)."""


@dataclass(frozen=True, slots=True)
class Evaluation:
    """A candidate's name, whether it is regular, and what it takes.

    The ``reference`` is how eager PyTorch would compute the region, among the candidates of another backend.

    ``terms`` are the predicted seconds, by what they are spent on; ``bytes`` are read and written, ``saved`` bytes kept
    for the backward pass, ``peak`` the most bytes alive. All figures are those of the region alone, forward and
    backward, or of the forward pass if the plan is for that.
    """

    name: str
    regular: bool
    terms: Terms
    flops: int
    bytes: int
    saved: int
    peak: int
    steps: int
    reference: bool = False

    @property
    def seconds(self) -> float:
        """The predicted time to twelve digits: equal work is a tie, in every order of summation."""
        return float(f"{self.terms.total:.12g}")

    @property
    def memory(self) -> int:
        """The bytes that the objective ``memory`` minimises."""
        return self.saved + self.peak

    def measure(self, objective: Objective) -> tuple[float, float]:
        """What evaluations are compared by, less being better; time decides among equals."""
        match objective:
            case "time":
                return self.seconds, 0.0
            case "flops":
                return self.flops, self.seconds
            case "memory":
                return self.memory, self.seconds


@dataclass(frozen=True, slots=True)
class Decision:
    """A region, the evaluations of its candidates, and the number of the chosen one.

    ``like`` is the isomorphic region whose candidates these are, if that is another.
    """

    region: str
    objective: Objective
    evaluations: tuple[Evaluation, ...]
    chosen: int
    like: str = ""

    @property
    def winner(self) -> Evaluation:
        """The evaluation of the chosen candidate."""
        return self.evaluations[self.chosen]


Chooser: TypeAlias = Callable[[Sequence[Evaluation], Objective], int]
"""The number of the candidate to take."""


def choose(evaluations: Sequence[Evaluation], objective: Objective) -> int:
    """The best candidate by the objective; by time, the reference or a regular one that is hardly slower is preferred.

    The reference is preferred first.
    """
    best = min(range(len(evaluations)), key=lambda number: (evaluations[number].measure(objective), number))
    if objective == "time":
        margin = evaluations[best].seconds * MARGIN
        for number, each in enumerate(evaluations):
            if each.reference and each.seconds <= margin:
                return number
    if objective != "time" or evaluations[best].regular:
        return best
    bound = evaluations[best].seconds * TOLERANCE
    regular = [number for number, each in enumerate(evaluations) if each.regular and each.seconds <= bound]
    return min(regular, key=lambda number: (evaluations[number].seconds, number), default=best)


def evaluate_steps(name: str, regular: bool, steps: Sequence[Step], builder: Builder, clock: Clock) -> Evaluation:
    """What a candidate's steps take; the builder knows their sources."""
    ran = _run(steps, builder, clock)
    return _evaluation(name, regular, ran, clock.terms(steps, builder.trained, builder.sizes), clock)


def evaluate_schedule(name: str, schedule: Schedule, clock: Clock) -> Evaluation:
    """What a whole Schedule takes."""
    ran = run(schedule, clock.dtype, fuses=clock.fuses)
    return _evaluation(name, False, ran, timed(schedule, clock).terms, clock)


def _evaluation(name: str, regular: bool, ran: Run, terms: Terms, clock: Clock) -> Evaluation:
    """Both passes count, unless the plan is for the forward pass."""
    works = [moment.work for moment in ran.moments]
    backward = not clock.forward_only
    return Evaluation(
        name=name,
        regular=regular,
        terms=terms,
        flops=sum(work.flops + work.flops_backward * backward for work in works),
        bytes=sum((m.work.entries + m.work.entries_backward * backward) * m.itemsize for m in ran.moments),
        saved=ran.saved * backward,
        peak=ran.peak_training if backward else ran.peak_forward,
        steps=len(works),
    )


def _run(steps: Sequence[Step], builder: Builder, clock: Clock) -> Run:
    """The steps as a Schedule of their own, whose sources are inputs, or parameters if they need a gradient."""
    made = {step.name for step in steps}
    sources = dict.fromkeys(read.source for step in steps for read in reads(step.operation) if read.source not in made)
    inputs: list[InputTensor] = []
    stacks: list[Stack] = []
    for source in sources:
        shape = tuple(evaluate(size, builder.sizes) for size in builder.shapes[source])
        if builder.trained[source]:
            stacks.append(Stack(source, shape, frozen=False, stacked=False, members=()))
        else:
            inputs.append(InputTensor(source, shape))
    results = tuple(Result("", Read(step.name, step.shape), ()) for step in steps[-1:])
    schedule = Schedule("", tuple(stacks), tuple(inputs), tuple(steps), results, tuple(builder.sizes.items()))
    return run(schedule, clock.dtype, {source: builder.kinds[source] for source in sources}, fuses=clock.fuses)
