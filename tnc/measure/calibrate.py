"""``tnc calibrate``: the time model's figures for this machine.

Each is the lower quartile of repetitions taken in turn: what the machine does when nobody else asks anything of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from tnc.cost.device_file import FORMAT, Json
from tnc.cost.dtypes import itemsize
from tnc.measure.machine import processor
from tnc.measure.rounds import Task, alternate, timed
from tnc.measure.runners import Link, Machine

SIDES: Final = (2, 4, 8, 16, 32, 64, 128, 256, 512)
"""The short sides of products that are measured; rates in between are interpolated."""

COARSE: Final = (4, 32, 256)
"""The same for the dtypes of half the width, whose products may take a hundred times as long on a processor."""

ENTRIES: Final = 2**20
"""Entries of the largest matrix of a product; a quarter of it in those dtypes."""

BUDGET: Final = 100.0
"""Seconds for all rounds; what is made for them takes some more."""

_BYTES: Final = tuple(2**power for power in range(18, 29, 2))
_TOGETHER: Final = (1, 4, 16, 64, 256)
_AXES: Final = 20
_MEMORY: Final = tuple(2**power for power in range(20, 28))
_CHAIN: Final = 200
_LINKS: Final[tuple[Link, ...]] = ("product", "views", "kron")
_TICK: Final = 1e-9
"""What a clock may not see."""

_FUNCTIONS: Final = ("exp", "tanh")
_SMALL: Final = (2**12, 4)
"""Matrices in a batched product, and their sides."""

Progress: TypeAlias = Callable[[int, int], None]

_Shape: TypeAlias = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class _Times:
    """Seconds by what was measured."""

    call: float
    products: dict[tuple[str, _Shape], float]
    batch: float
    copies: dict[int, float]
    scatters: dict[int, float]
    reversal: float
    functions: list[float]
    memory: dict[int, tuple[float, float]]
    chains: dict[Link, tuple[float, float]]


def calibrate(
    name: str, backend: str, machine: Machine, budget: float = BUDGET, progress: Progress | None = None
) -> dict[str, Json]:
    """A profile of this machine under a name, as the contents of its file; ``machine`` is that of the backend.

    ``progress`` is called with the number of parts measured so far and the number of all.
    """
    times = _measure(machine, budget, progress or _nobody)
    call = [max(seconds / _CHAIN, _TICK) for seconds in times.chains["product"]]
    view = [max(seconds / (2 * _CHAIN), _TICK) for seconds in times.chains["views"]]
    kron = [seconds / _CHAIN - sum(both) for seconds, *both in zip(times.chains["kron"], call, view, strict=True)]
    recycled, fresh = _memory(times.memory)
    threads = f", {machine.threads} threads" if machine.threads else ""
    return {
        "format": FORMAT,
        "name": name,
        "backend": backend,
        "title": f"{processor()}{threads}"[:200],
        "measured": True,
        "sources": [f"tnc calibrate with {machine.name}"],
        "products": {dtype: _products(dtype, times) for dtype in machine.dtypes},
        # Single products were measured, not batches.
        "alone": 1.0,
        "batch_seconds": _rounded(max((times.batch - times.call) / _SMALL[0], 1e-12)),
        "bandwidth": [
            [2 * size, _rounded(2 * size / max(seconds - times.call, _TICK))] for size, seconds in times.copies.items()
        ],
        "scatter": [
            [4 * together, _rounded(max(seconds / max(times.scatters[_TOGETHER[-1]], _TICK), 1.0))]
            for together, seconds in times.scatters.items()
        ],
        "turn_seconds": _rounded(_turn(times)),
        "functions_per_second": _rounded(len(_FUNCTIONS) * ENTRIES / max(sum(times.functions), _TICK)),
        # A link of the chain is a call with one gradient to make for each of its operands.
        "call_seconds": {"forward": _rounded(call[0]), "backward": _rounded(call[1] / 2)},
        "view_seconds": {"forward": _rounded(view[0]), "backward": _rounded(view[1])},
        "kron_seconds": {"forward": _rounded(max(kron[0], _TICK)), "backward": _rounded(max(kron[1], _TICK))},
        "fresh": {"above_bytes": recycled, "bytes_per_second": _rounded(fresh)},
    }


def sides(dtype: str) -> tuple[int, ...]:
    """The short sides of products that are measured in a dtype."""
    return COARSE if itemsize(dtype) < 4 else SIDES


def shapes(dtype: str) -> Iterator[_Shape]:
    """Every shape of a product that is measured: two short sides and a long one, in each of three positions."""
    for position in range(3):
        for first in sides(dtype):
            for second in sides(dtype):
                yield _shape(dtype, position, first, second)


def _shape(dtype: str, position: int, first: int, second: int) -> _Shape:
    entries = ENTRIES if sides(dtype) is SIDES else ENTRIES // 4
    shape = [first, second]
    shape.insert(position, max(entries // max(first, second), first, second))
    return shape[0], shape[1], shape[2]


def _measure(machine: Machine, budget: float, progress: Progress) -> _Times:
    """All times, the products of one dtype after those of another, so that memory holds only some operands."""
    products: dict[tuple[str, _Shape], float] = {}
    chunks = [(dtype, some) for dtype in machine.dtypes for some in _chunks(list(dict.fromkeys(shapes(dtype))), 27)]
    every = sum(len(some) for _, some in chunks)
    parts = len(chunks) + 1
    for number, (dtype, some) in enumerate(chunks):
        progress(number, parts)
        actions = [machine.product(0, *shape, dtype) for shape in some]
        found = _typical([timed(action) for action in actions], 0.6 * budget * len(some) / every, least=3)
        products.update(((dtype, shape), seconds) for shape, seconds in zip(some, found, strict=True))
    progress(parts - 1, parts)
    chains = [task for link in _LINKS for task in machine.chain(_CHAIN, link)]
    side = _SMALL[1]
    others: list[Callable[[], object]] = [
        machine.copy(1),
        machine.product(_SMALL[0], side, side, side, "float32"),
        machine.reverse(_AXES),
        *(machine.function(ENTRIES, name) for name in _FUNCTIONS),
        *(machine.copy(size // 4) for size in _BYTES),
        *(machine.scatter(4 * ENTRIES, together) for together in _TOGETHER),
        *(machine.fill(size, fresh=fresh) for size in _MEMORY for fresh in (False, True)),
    ]
    rest = iter(_typical([*chains, *map(timed, others)], 0.4 * budget))
    progress(parts, parts)
    overheads: dict[Link, tuple[float, float]] = {link: (next(rest), next(rest)) for link in _LINKS}
    return _Times(
        chains=overheads,
        products=products,
        call=next(rest),
        batch=next(rest),
        reversal=next(rest),
        functions=[next(rest) for _ in _FUNCTIONS],
        copies={size: next(rest) for size in _BYTES},
        scatters={together: next(rest) for together in _TOGETHER},
        memory={size: (next(rest), next(rest)) for size in _MEMORY},
    )


def _nobody(done: int, parts: int) -> None:
    """Progress that nobody watches."""


def _typical(tasks: Sequence[Task], budget: float, least: int = 5) -> list[float]:
    return [sample.low for sample in alternate(tasks, budget, least=least)]


def _products(dtype: str, times: _Times) -> dict[str, Json]:
    own = sides(dtype)

    def table(position: int) -> list[Json]:
        return [[_rate(dtype, _shape(dtype, position, first, second), times) for second in own] for first in own]

    keys = ("long_rows", "long_summed", "long_columns")
    return {"sides": list(own), **{key: table(position) for position, key in enumerate(keys)}}


def _rate(dtype: str, shape: _Shape, times: _Times) -> float:
    rows, summed, columns = shape
    seconds = times.products[dtype, shape]
    return _rounded(2 * rows * summed * columns / max(seconds - times.call, 0.1 * seconds, _TICK))


def _turn(times: _Times) -> float:
    """Seconds to advance an index over one axis: what reversing many axes takes beyond transposing two."""
    transposed = times.scatters[1] * ((1 << _AXES) / (4 * ENTRIES))
    turns = (1 << (_AXES - 2)) * _AXES
    return max((times.reversal - transposed) / turns, 1e-12)


def _memory(times: dict[int, tuple[float, float]]) -> tuple[int, float]:
    """The largest size that is still handed out again as a rule, and the bytes a second of what is new."""
    costs = {size: fresh - again for size, (again, fresh) in times.items()}
    largest = max(costs)
    fresh = largest / max(costs[largest], _TICK)
    costly = [size for size, seconds in costs.items() if seconds > 0.5 * size / fresh]
    recycled = min(
        (size for size in costly if all(other in costly for other in costs if other > size)), default=largest
    )
    return recycled // 2, fresh


def _chunks(items: Sequence[_Shape], length: int) -> Iterator[Sequence[_Shape]]:
    for start in range(0, len(items), length):
        yield items[start : start + length]


def _rounded(number: float) -> float:
    """Four digits; more were not measured."""
    return float(f"{number:.4g}")
