"""What the planner tried for a region, what each try takes, and which one it chose: values, for whoever asks why."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from tnc.cost.run import Run, run
from tnc.cost.time import Clock
from tnc.ir.cost import Terms
from tnc.ir.extent import evaluate
from tnc.ir.reads import reads
from tnc.ir.schedule import InputTensor, Read, Result, Schedule, Stack, Step
from tnc.order.builder import Builder
from tnc.order.options import Objective

TOLERANCE = 1.05
"""A regular order wins unless another takes less by more than this: it becomes a loop, and reads like the source."""

REGULAR = frozenset({"alone", "as written", "along a frontier", "along a frontier, from the end", "data first"})
"""The searches that go through the operands one by one."""


@dataclass(frozen=True, slots=True)
class Trial:
    """One way of contracting a region: the search that found it and what it takes.

    ``terms`` are the predicted seconds, by what they are spent on; ``flops`` and ``bytes`` what is computed and moved;
    ``saved`` the bytes kept for the backward pass and ``peak`` the most that are alive; all of them for the region
    alone, forward and backward, or of the forward pass if that is what was planned for.
    """

    planner: str
    terms: Terms
    flops: int
    bytes: int
    saved: int
    peak: int
    steps: int

    @property
    def seconds(self) -> float:
        """All the predicted time, to twelve digits: equal work is a tie, in whichever order its times are added."""
        return float(f"{self.terms.total:.12g}")

    @property
    def memory(self) -> int:
        """What the objective ``memory`` has as little of as can be found."""
        return self.saved + self.peak

    @property
    def regular(self) -> bool:
        """Whether it goes through the operands one by one."""
        return self.planner in REGULAR

    def measure(self, objective: Objective) -> tuple[float, float]:
        """What trials are compared by, less being better; time decides among equals."""
        match objective:
            case "time":
                return self.seconds, 0.0
            case "flops":
                return self.flops, self.seconds
            case "memory":
                return self.memory, self.seconds


@dataclass(frozen=True, slots=True)
class Decision:
    """A region, everything that was tried for it, and which of that was chosen.

    ``like`` is the region of the same kind for which it was tried, if that is another.
    """

    region: str
    objective: Objective
    trials: tuple[Trial, ...]
    chosen: int
    like: str = ""

    @property
    def winner(self) -> Trial:
        """The trial that was chosen."""
        return self.trials[self.chosen]


Choice: TypeAlias = Callable[[Sequence[Trial], Objective], int]
"""Which of a region's trials is taken."""


def choose(trials: Sequence[Trial], objective: Objective) -> int:
    """The trial with the least of what is asked for; by time, a regular one that is hardly worse comes first."""
    best = min(range(len(trials)), key=lambda number: (trials[number].measure(objective), number))
    if objective != "time" or trials[best].regular:
        return best
    bound = trials[best].seconds * TOLERANCE
    regular = [number for number, trial in enumerate(trials) if trial.regular and trial.seconds <= bound]
    return min(regular, key=lambda number: (trials[number].seconds, number), default=best)


def tried(planner: str, steps: Sequence[Step], builder: Builder, clock: Clock) -> Trial:
    """What these steps take; the builder knows their sources."""
    ran = _run(steps, builder, clock.dtype)
    works = [moment.work for moment in ran.moments]
    backward = not clock.forward_only
    return Trial(
        planner=planner,
        terms=clock.terms(steps, builder.trained, builder.sizes),
        flops=sum(work.flops + work.flops_backward * backward for work in works),
        bytes=sum((m.work.entries + m.work.entries_backward * backward) * m.itemsize for m in ran.moments),
        saved=ran.saved * backward,
        peak=ran.peak_training if backward else ran.peak_forward,
        steps=len(steps),
    )


def _run(steps: Sequence[Step], builder: Builder, dtype: str) -> Run:
    """The steps as a Schedule of their own: what they take in is given, or a parameter if it needs a gradient."""
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
    return run(schedule, dtype, {source: builder.kinds[source] for source in sources})
