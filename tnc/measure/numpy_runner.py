"""NumPy: forward only."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any

from tnc.diagnostics import CompileError, Diagnostic
from tnc.ir.schedule import Plan
from tnc.measure.rounds import now
from tnc.measure.runners import Action, Data, Halves, Link, load_framework, version


class NumpyRunner:
    """Runs generated NumPy modules."""

    framework = "numpy"

    def use_threads(self, threads: int | None) -> None:
        """Refuse a number of threads: NumPy's BLAS library reads it once, from the environment.

        Raises:
            CompileError: TN024 if a number is given.
        """
        if threads is not None:
            message = "the number of threads of numpy cannot be chosen while it runs"
            help_text = "leave `--threads` out; `taskset` gives a process fewer processors"
            raise CompileError((Diagnostic("TN024", message, help=help_text),))

    def prepare(self, module: ModuleType, inputs: Sequence[Data], dtype: str, *, input_grads: bool) -> NumpyRunning:
        """The module with its cores, and random inputs."""
        return NumpyRunning(module, inputs, dtype)

    def predicted_peak(self, plan: Plan) -> int:
        """The peak of the forward pass, without cores and inputs."""
        return plan.totals.bytes_peak_forward

    def machine(self, threads: int | None) -> NumpyMachine:
        """The operations of NumPy."""
        self.use_threads(threads)
        return NumpyMachine()


class NumpyRunning:
    """A generated module with its cores."""

    def __init__(self, module: Any, inputs: Sequence[Data], dtype: str) -> None:
        random = load_framework("numpy").random.default_rng(0)
        self._module = module
        self._parameters = {name: core.astype(dtype) for name, core in module.init(0).items()}
        self._inputs = [
            random.standard_normal(data.shape).astype(dtype)
            if data.values is None
            else random.integers(data.values, size=data.shape)
            for data in inputs
        ]

    def run(self) -> Halves:
        """Run the forward pass; there is no other."""
        start = now()
        self._module.apply(self._parameters, *self._inputs)
        return Halves(now() - start, None)

    def saved_bytes(self) -> None:
        """None: there is no backward pass to keep anything for."""

    def peak_bytes(self) -> int:
        """The peak by ``tracemalloc``, which NumPy reports its arrays to, without cores and inputs."""
        import tracemalloc

        tracemalloc.start()
        try:
            self._module.apply(self._parameters, *self._inputs)
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()


class NumpyMachine:
    """The operations of NumPy. It has no backward pass: a profile repeats the forward figures for it."""

    dtypes = ("float32", "float64")
    threads = None

    def __init__(self) -> None:
        self._numpy: Any = load_framework("numpy")
        self.name = version("numpy")

    def product(self, batch: int, rows: int, summed: int, columns: int, dtype: str) -> Action:
        """A product into an allocated result."""
        numpy = self._numpy
        stack = (batch,) if batch else ()
        left, right, out = (
            numpy.ones((*stack, *shape), dtype) for shape in ((rows, summed), (summed, columns), (rows, columns))
        )
        return lambda: numpy.matmul(left, right, out=out)

    def _arrays(self, shape: tuple[int, ...]) -> tuple[Any, Any]:
        """Two arrays of ones: of zeros that were never written, the system has one page, which is in cache."""
        return self._numpy.ones(shape, "float32"), self._numpy.ones(shape, "float32")

    def copy(self, entries: int) -> Action:
        """A copy into an allocated result."""
        source, target = self._arrays((entries,))
        return lambda: self._numpy.copyto(target, source)

    def scatter(self, entries: int, together: int) -> Action:
        """A transposition of runs."""
        side = round((entries // together) ** 0.5)
        source, target = self._arrays((side, side, together))
        return lambda: self._numpy.copyto(target, source.transpose(1, 0, 2))

    def reverse(self, axes: int) -> Action:
        """A reversal of axes."""
        source, target = self._arrays((2,) * axes)
        return lambda: self._numpy.copyto(target, source.transpose())

    def function(self, entries: int, name: str) -> Action:
        """A function into an allocated result."""
        source, target = self._arrays((entries,))
        function = getattr(self._numpy, name)
        return lambda: function(source, out=target)

    def fill(self, size: int, *, fresh: bool) -> Action:
        """Bytes written."""
        numpy = self._numpy
        if fresh:
            return lambda: numpy.empty(size, "uint8").fill(1)
        target = numpy.zeros(size, "uint8")
        return lambda: target.fill(1)

    def chain(self, length: int, link: Link) -> tuple[Callable[[], float], Callable[[], float]]:
        """A chain of small calls."""
        numpy = self._numpy
        start = numpy.eye(2)
        links: dict[Link, Callable[[Any], Any]] = {
            "product": lambda value: value @ start,
            "views": lambda value: value.reshape(4).reshape(2, 2),
            "kron": lambda value: numpy.kron(value, start)[:2, :2],
        }
        follow = links[link]

        def run() -> float:
            begin = now()
            value = start
            for _ in range(length):
                value = follow(value)
            return now() - begin

        return run, run
