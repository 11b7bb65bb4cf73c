"""What XLA has in memory in a step of our JAX modules beside what was said; steps are compiled, not run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from statistics import median

from benchmarks.cases import Case
from tnc import driver
from tnc.measure import runners
from tnc.measure.xla.step import jit_memory


def compared(cases: Sequence[Case]) -> Iterator[str]:
    """A line a case, and how far the predictions are off in all."""
    errors: list[float] = []
    for case in cases:
        network = case.load()
        plan = driver.plan(network.initialised, network.options, "jax").plan
        found = runners.prepare("jax", network.source("jax"), plan.schedule, plan.dtype).peak_bytes()
        said = jit_memory(plan.schedule, plan.dtype).total
        if found is None:
            yield f"{case.name:32s} {said:15,} B said; XLA tells nothing"
            continue
        errors.append(abs(said / found - 1))
        yield f"{case.name:32s} {said:15,} B said, {found:15,} B found, {said / found - 1:+.1%}"
    if errors:
        inside = sum(error <= 0.1 for error in errors)
        yield f"within 10 % for {inside} of {len(errors)}, median error {median(errors):.1%}, worst {max(errors):.1%}"
