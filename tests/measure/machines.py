"""A machine on paper: every action takes the time that a formula gives, on a clock of its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from tnc.measure.runners import Link

ITEMSIZES = {"float32": 4, "float64": 8}

CALL, VIEW, KRON = 4e-6, 1e-6, 2e-5
BACKWARD = 3
RATE = {"float32": 64e9, "float64": 32e9}
BANDWIDTH = 16e9
SCATTERED = 5
TURN = 1e-9
FUNCTIONS = 5e8
BATCH = 1e-7
RECYCLED, FRESH = 2**24, 4e9


@dataclass
class Time:
    """A clock that only the machine moves."""

    now: float = 0.0
    speed: float = 1.0

    def __call__(self) -> float:
        return self.now

    def pass_by(self, seconds: float) -> None:
        self.now += self.speed * seconds


@dataclass
class PaperMachine:
    """A machine whose every figure is known. ``asked`` lists what was measured."""

    time: Time = field(default_factory=Time)
    dtypes: tuple[str, ...] = ("float32", "float64")
    threads: int | None = 3
    name: str = "paper 1"
    asked: list[str] = field(default_factory=list[str])
    backend: str | None = None

    def asked_with(self, backend: str | None, threads: int | None) -> PaperMachine:
        """In place of the function that finds the machine at hand."""
        self.backend = backend
        self.threads = threads
        return self

    def product(self, batch: int, rows: int, summed: int, columns: int, dtype: str) -> Callable[[], object]:
        flops = 2 * max(batch, 1) * rows * summed * columns
        return self._taking("product", CALL + flops / RATE[dtype] + BATCH * batch)

    def copy(self, entries: int) -> Callable[[], object]:
        return self._taking("copy", CALL + 8 * entries / BANDWIDTH)

    def scatter(self, entries: int, together: int) -> Callable[[], object]:
        return self._taking("scatter", (SCATTERED if together < 64 else 1) * 8 * entries / BANDWIDTH)

    def reverse(self, axes: int) -> Callable[[], object]:
        return self._taking("reverse", SCATTERED * 8 * 2**axes / BANDWIDTH + TURN * axes * 2 ** (axes - 2))

    def function(self, entries: int, name: str) -> Callable[[], object]:
        return self._taking(name, entries / FUNCTIONS)

    def fill(self, size: int, *, fresh: bool) -> Callable[[], object]:
        return self._taking("fill", size / BANDWIDTH + (size / FRESH if fresh and size > RECYCLED else 0))

    def chain(self, length: int, link: Link) -> tuple[Callable[[], float], Callable[[], float]]:
        views = {"product": 0, "views": 2, "kron": 1}[link] * VIEW
        calls = 0.0 if link == "views" else CALL
        kron = KRON if link == "kron" else 0.0
        backward = BACKWARD * (views + 2 * calls + kron)
        return (lambda: length * (views + calls + kron)), (lambda: length * backward)

    def _taking(self, what: str, seconds: float) -> Callable[[], object]:
        self.asked.append(what)
        return lambda: self.time.pass_by(seconds)
