"""Shared tensors built and inlined: FLOPs, bytes and predicted time of both ways and of the choice."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from statistics import median
from time import process_time
from typing import cast

from tnc import codegen, ir, loads, order, sharing
from tnc.driver import Initialised
from tnc.ir.program import Program
from tnc.sharing.searches import SEARCHES, Search, built, inlined
from tnc.units import bytes_text, flops_text, seconds_text

_GATE = "core g([2] * 4) let t = {state} output e() = t(x[0..{n}]) * g(x[0..2], y[0..2]) * t(y[0..2], x[2..{n}])"


def _square(state: str, n: int, more: str = "") -> str:
    return f"{more} let t = {state} output z() = t(x[0..{n}]) * t(x[0..{n}])"


def _gram(state: str, other: str, n: int) -> str:
    return (
        f"let t = {state} let u = {other} "
        f"output a() = t(x[0..{n}]) * t(x[0..{n}]) output b() = t(x[0..{n}]) * u(x[0..{n}]) "
        f"output c() = u(x[0..{n}]) * u(x[0..{n}])"
    )


def _tied(weight: str, n: int, size: int, batch: int, act: str) -> str:
    return (
        f"let w = {weight} input x({batch}, {size}) "
        f"h(b, (i[0..{n}])) = {act}(w(i[0..{n}], j[0..{n}]) * x(b, (j[0..{n}]))) "
        f"output y(b, (i[0..{n}])) = w(i[0..{n}], j[0..{n}]) * h(b, (j[0..{n}]))"
    )


def _linear(size: int, batch: int) -> str:
    return (
        f"core a({size}, 8) core c(8, {size}) input x({batch}, {size}) w(i, j) = a(i, r) * c(r, j) "
        "output y(b, i) = w(i, j) * w(j, k) * w(k, l) * x(b, l)"
    )


NETWORKS = {
    "square, mps of 12": _square("std.mps([2] * 12, 3)", 12),
    "square, mps of 20": _square("std.mps([2] * 20, 3)", 20),
    "square, mps of 784": _square("std.mps([2] * 784, 3)", 784),
    "square, ring of 12": _square("std.ring([2] * 12, 3)", 12),
    "square, cp of 8": _square("std.cp([4] * 8, 6)", 8),
    "square, tucker of 6": _square("std.tucker([4] * 6, [2] * 6)", 6),
    "square, ttn of 16": _square("std.ttn([2] * 16, 3, act = identity)", 16),
    "square, attn of 16": _square("std.attn([2] * 16, 2, act = identity)", 16),
    "square, mera of 16": _square("std.mera([2] * 16, 2, act = identity)", 16),
    "square, mera3 of 18": _square("std.mera3([2] * 18, 2, act = identity)", 18),
    "square, brickwall of 12": _square("std.brickwall([2] * 12, act = identity)", 12),
    "square, mpo of 6": "let t = std.mpo([4] * 6, [4] * 6, 3) output z() = t(x[0..6], y[0..6]) * t(x[0..6], y[0..6])",
    "norm, peps 4 × 4": _square("std.peps(4, 4, [2] * 16, 2)", 16),
    "norm, peps 5 × 5": _square("std.peps(5, 5, [2] * 25, 2)", 25),
    "norm, peps 6 × 6": _square("std.peps(6, 6, [2] * 36, 2)", 36),
    "norm, peps 7 × 7": _square("std.peps(7, 7, [2] * 49, 2)", 49),
    "norm, peps 8 × 8": _square("std.peps(8, 8, [2] * 64, 2)", 64),
    "gram, two mps of 10": _gram("std.mps([2] * 10, 2)", "std.mps([2] * 10, 4)", 10),
    "gram, two mps of 20": _gram("std.mps([2] * 20, 2)", "std.mps([2] * 20, 4)", 20),
    "gram, mps and ttn of 16": _gram("std.mps([2] * 16, 3)", "std.ttn([2] * 16, 3, act = identity)", 16),
    "tied, mpo of 64², batch 1, relu": _tied("std.mpo([2] * 6, [2] * 6, 4)", 6, 64, 1, "relu"),
    "tied, mpo of 64², batch 512, relu": _tied("std.mpo([2] * 6, [2] * 6, 4)", 6, 64, 512, "relu"),
    "tied, mpo of 1024², batch 64, relu": _tied("std.mpo([4] * 5, [4] * 5, 8)", 5, 1024, 64, "relu"),
    "tied, mpo of 1024², batch 64, linear": _tied("std.mpo([4] * 5, [4] * 5, 8)", 5, 1024, 64, "identity"),
    "tied, rank 8 of 512², thrice, batch 1": _linear(512, 1),
    "tied, rank 8 of 512², thrice, batch 512": _linear(512, 512),
    "expectation, mps of 16": _GATE.format(state="std.mps([2] * 16, 3)", n=16),
    "expectation, mera of 8": _GATE.format(state="std.mera([2] * 8, act = identity)", n=8),
    "expectation, mera of 16": _GATE.format(state="std.mera([2] * 16, act = identity)", n=16),
    "expectation, periodic mera of 16": _GATE.format(state="std.mera([2] * 16, periodic = true, act = identity)", n=16),
}
"""The body of a network by name."""

MEASURED = (
    "square, mps of 12",
    "norm, peps 4 × 4",
    "gram, two mps of 20",
    "tied, mpo of 64², batch 512, relu",
    "tied, rank 8 of 512², thrice, batch 512",
    "expectation, mera of 16",
)
"""Networks of which both ways are measured."""


@dataclass(frozen=True, slots=True)
class Way:
    """What a training step takes one way: predicted, and measured where it was (seconds; None elsewhere)."""

    name: str
    flops: int
    bytes: int
    seconds: float
    measured: float | None = None


@dataclass(frozen=True, slots=True)
class Shared:
    """A network with shared tensors: both ways, None where no plan can store the tensor, and the choice."""

    network: str
    built: Way | None
    inlined: Way | None
    chosen: Way


def compared(measure: Sequence[str] = MEASURED) -> Iterator[Shared]:
    """Every network, planned for the default device by time."""
    for name, body in NETWORKS.items():
        network = loads(f"network main() {{ {body} }}").initialised
        found = _plan(network, SEARCHES).sharing
        if found is None:
            raise ValueError(f"`{name}` has no shared tensor")
        ways = {each.name: Way(each.name, each.flops, each.bytes, each.seconds) for each in found.decision.evaluations}
        if name in measure:
            for search in (built, inlined):
                choice = _plan(network, (search,))
                assert choice.sharing is not None
                way = choice.sharing.decision.winner.name
                text = codegen.emitter("torch").emit(choice.plan)
                ways[way] = replace(ways[way], measured=_step_seconds(text, network.program))
        yield Shared(name, ways.get("built"), ways.get("inlined"), ways[found.decision.winner.name])


def _plan(network: Initialised, searches: Sequence[Search]) -> sharing.Choice:
    program, initialisation = network.program, network.initialisation
    stacks = ir.stacks(program, initialisation.inits)
    return sharing.decide(initialisation.optimised, stacks, ir.digest(program), order.PlanOptions(), searches)


def _step_seconds(text: str, program: Program, seconds: float = 0.5) -> float:
    """The median processor time of a training step of a module in eager PyTorch, on one thread."""
    import torch

    from benchmarks.contenders import frameworks
    from tnc.modules import module_of_source, torch_class

    torch.set_num_threads(1)
    frameworks.seed(0)
    shapes = [tuple(dim for dim in given.shape if isinstance(dim, int)) for given in program.inputs]
    module = torch_class(module_of_source("main", "torch", text))()
    inputs = [torch.randn(shape, requires_grad=True) for shape in shapes]
    times: list[float] = []
    start = process_time()
    while len(times) < 6 or process_time() - start < seconds:
        began = process_time()
        found = module(*inputs)
        outputs = cast("tuple[torch.Tensor, ...]", found if isinstance(found, tuple) else (found,))
        torch.autograd.backward([output.sum() for output in outputs])
        times.append(process_time() - began)
        module.zero_grad()
    return median(times[1:])


def page(networks: Sequence[Shared]) -> str:
    """The page ``docs/shared-tensors.md``."""
    rows = [
        "| network | built: FLOPs | bytes | time | inlined: FLOPs | bytes | time | chosen |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for each in networks:
        cells = [cell for way in (each.built, each.inlined) for cell in _cells(way)]
        rows.append(f"| {' | '.join([each.network, *cells, each.chosen.name])} |")
    measured = [
        "| network | built: predicted | measured | inlined: predicted | measured | chosen |",
        "|---|---|---|---|---|---|",
    ]
    for each in networks:
        if any(way is not None and way.measured is not None for way in (each.built, each.inlined)):
            times = [
                cell
                for way in (each.built, each.inlined)
                for cell in ((seconds_text(way.seconds), seconds_text(way.measured or 0.0)) if way else ("–", "–"))
            ]
            measured.append(f"| {' | '.join([each.network, *times, each.chosen.name])} |")
    return "\n".join([_HEAD, *rows, "", _MEASURED, *measured, ""])


def _cells(way: Way | None) -> tuple[str, str, str]:
    return ("–", "–", "–") if way is None else (flops_text(way.flops), bytes_text(way.bytes), seconds_text(way.seconds))


_HEAD = """# Shared tensors

<!-- Written by `python -m benchmarks sharing`: do not edit. -->

What a training step takes if tensors that are used several times are built once, and if they are
inlined: computed anew within each use ([decision 30](decisions/0030-sharing.md)). FLOPs, bytes read
and written, and predicted seconds for `generic-cpu`, float32, forward and backward; the plans are
made by time. Where the first way is missing, no plan can store the tensor.
"""

_MEASURED = """Both ways in eager PyTorch on one thread: the median processor time of training steps. The machine
was busy with other work. The profile is generic, so only the order within a row is to be compared.
"""


def write(networks: Sequence[Shared], results: Path, document: Path) -> None:
    """The results as JSON, and the page."""
    results.write_text(json.dumps([asdict(each) for each in networks], indent=1) + "\n", encoding="utf-8")
    document.write_text(page(networks), encoding="utf-8")
