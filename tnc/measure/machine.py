"""The machine at hand through a framework: the operations that a device profile is measured with."""

from __future__ import annotations

import os
import platform
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from time import perf_counter
from typing import Any, Protocol, TypeAlias

from tnc.diagnostics import CompileError, Diagnostic

Action: TypeAlias = Callable[[], object]


class Machine(Protocol):
    """Makes actions to be timed. Whatever they work on is made beforehand, unless memory itself is measured."""

    @property
    def name(self) -> str:
        """The framework and its version."""
        ...

    @property
    def threads(self) -> int | None:
        """The threads that it works with, where it tells."""
        ...

    @property
    def dtypes(self) -> Sequence[str]:
        """The real dtypes that it multiplies matrices in."""
        ...

    def product(self, batch: int, rows: int, summed: int, columns: int, dtype: str) -> Action:
        """A product of matrices into memory that is there; batched where ``batch`` is not 0."""
        ...

    def copy(self, entries: int) -> Action:
        """A copy of float32 entries into memory that is there."""
        ...

    def scatter(self, entries: int, together: int) -> Action:
        """The same with all runs of ``together`` entries in transposed order."""
        ...

    def reverse(self, axes: int) -> Action:
        """A permutation that reverses the order of so many axes of size 2."""
        ...

    def function(self, entries: int, name: str) -> Action:
        """``exp`` or ``tanh`` of float32 entries into memory that is there."""
        ...

    def fill(self, size: int, *, fresh: bool) -> Action:
        """Bytes written, in memory that was just asked for or in memory that is there."""
        ...

    def chain(self, length: int, *, views: bool) -> tuple[Callable[[], float], Callable[[], float]]:
        """The seconds, forward and backward, of a chain of small products, or of views."""
        ...


def this_machine(threads: int | None) -> Machine:
    """PyTorch where it is installed, else NumPy.

    Raises:
        CompileError: TN024 if the framework does not load.
    """
    framework = "torch" if find_spec("torch") is not None else "numpy"
    try:
        return TorchMachine(threads) if framework == "torch" else NumpyMachine()
    except (ImportError, OSError) as error:
        reason = " ".join(str(error).split())[:200]
        message = f"this machine cannot be measured: {framework} is installed but does not load: {reason}"
        raise CompileError((Diagnostic("TN024", message, help=f"repair or remove {framework}"),)) from None


def processor() -> str:
    """What the system says of its processor."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:  # noqa: PTH123
            names = [line.partition(":")[2].strip() for line in file if line.startswith("model name")]
    except OSError:
        names = []
    name = names[0] if names else platform.processor() or platform.machine() or "processor"
    return f"{name}, {os.cpu_count() or 1} cores"


class TorchMachine:
    """PyTorch on the processor."""

    def __init__(self, threads: int | None) -> None:
        import torch

        if threads is not None:
            torch.set_num_threads(threads)
        self._torch: Any = torch
        self.name = f"torch {torch.__version__.partition('+')[0]}"
        self.threads: int | None = torch.get_num_threads()
        self.dtypes = tuple(filter(self._multiplies, ("float32", "float64", "bfloat16", "float16")))

    def _multiplies(self, dtype: str) -> bool:
        """Whether this processor has products of a dtype at all."""
        try:
            self.product(0, 2, 2, 2, dtype)()
        except RuntimeError:
            return False
        return True

    def product(self, batch: int, rows: int, summed: int, columns: int, dtype: str) -> Action:
        """A product into memory that is there."""
        torch = self._torch
        stack = (batch,) if batch else ()
        made = [
            torch.randn(*stack, *shape).to(getattr(torch, dtype))
            for shape in ((rows, summed), (summed, columns), (rows, columns))
        ]
        left, right, out = made
        return lambda: torch.matmul(left, right, out=out)

    def copy(self, entries: int) -> Action:
        """A copy into memory that is there."""
        source, target = self._torch.zeros(entries), self._torch.zeros(entries)
        return lambda: target.copy_(source)

    def scatter(self, entries: int, together: int) -> Action:
        """A transposition of runs."""
        side = round((entries // together) ** 0.5)
        source, target = (self._torch.zeros(side, side, together) for _ in range(2))
        return lambda: target.copy_(source.transpose(0, 1))

    def reverse(self, axes: int) -> Action:
        """A reversal of axes."""
        source, target = (self._torch.zeros([2] * axes) for _ in range(2))
        order = list(reversed(range(axes)))
        return lambda: target.copy_(source.permute(order))

    def function(self, entries: int, name: str) -> Action:
        """A function into memory that is there."""
        source, target = self._torch.rand(entries), self._torch.zeros(entries)
        function = getattr(self._torch, name)
        return lambda: function(source, out=target)

    def fill(self, size: int, *, fresh: bool) -> Action:
        """Bytes written."""
        torch = self._torch
        if fresh:
            held: list[object] = []

            def fill() -> None:
                made = torch.empty(size, dtype=torch.uint8).fill_(1)
                # In a training step something small is always made later and outlives what is large.
                held.append(torch.empty(1000))
                del made, held[:-1]

            return fill
        target = torch.zeros(size, dtype=torch.uint8)
        return lambda: target.fill_(1)

    def chain(self, length: int, *, views: bool) -> tuple[Callable[[], float], Callable[[], float]]:
        """A chain of small calls."""
        torch = self._torch
        start = torch.eye(2, requires_grad=True)
        factor = torch.eye(2, requires_grad=not views)

        def run() -> tuple[float, float]:
            begin = perf_counter()
            value = start
            for _ in range(length):
                value = value.reshape(4).reshape(2, 2) if views else value @ factor
            middle = perf_counter()
            torch.autograd.grad(value, start, torch.ones(2, 2))
            return middle - begin, perf_counter() - middle

        return lambda: run()[0], lambda: run()[1]


class NumpyMachine:
    """NumPy. What is backward has no counterpart there, and is taken to cost as much again as forward."""

    dtypes = ("float32", "float64")
    threads = None

    def __init__(self) -> None:
        import numpy

        self._numpy: Any = numpy
        self.name = f"numpy {numpy.__version__}"

    def product(self, batch: int, rows: int, summed: int, columns: int, dtype: str) -> Action:
        """A product into memory that is there."""
        numpy = self._numpy
        stack = (batch,) if batch else ()
        left, right, out = (
            numpy.ones((*stack, *shape), dtype) for shape in ((rows, summed), (summed, columns), (rows, columns))
        )
        return lambda: numpy.matmul(left, right, out=out)

    def copy(self, entries: int) -> Action:
        """A copy into memory that is there."""
        source, target = (self._numpy.zeros(entries, "float32") for _ in range(2))
        return lambda: self._numpy.copyto(target, source)

    def scatter(self, entries: int, together: int) -> Action:
        """A transposition of runs."""
        side = round((entries // together) ** 0.5)
        source, target = (self._numpy.zeros((side, side, together), "float32") for _ in range(2))
        return lambda: self._numpy.copyto(target, source.transpose(1, 0, 2))

    def reverse(self, axes: int) -> Action:
        """A reversal of axes."""
        source, target = (self._numpy.zeros([2] * axes, "float32") for _ in range(2))
        return lambda: self._numpy.copyto(target, source.transpose())

    def function(self, entries: int, name: str) -> Action:
        """A function into memory that is there."""
        source, target = (self._numpy.ones(entries, "float32") for _ in range(2))
        function = getattr(self._numpy, name)
        return lambda: function(source, out=target)

    def fill(self, size: int, *, fresh: bool) -> Action:
        """Bytes written."""
        numpy = self._numpy
        if fresh:
            return lambda: numpy.empty(size, "uint8").fill(1)
        target = numpy.zeros(size, "uint8")
        return lambda: target.fill(1)

    def chain(self, length: int, *, views: bool) -> tuple[Callable[[], float], Callable[[], float]]:
        """A chain of small calls."""
        start = self._numpy.eye(2)

        def run() -> float:
            begin = perf_counter()
            value = start
            for _ in range(length):
                value = value.reshape(4).reshape(2, 2) if views else value @ start
            return perf_counter() - begin

        return run, run
