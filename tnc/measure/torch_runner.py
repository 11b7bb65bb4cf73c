"""Eager PyTorch on the processor."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib import import_module
from types import ModuleType
from typing import Any

from tnc.ir.schedule import Plan
from tnc.measure.rounds import now
from tnc.measure.runners import Action, Data, Halves, Link, load_framework, version
from tnc.modules import torch_class


class TorchRunner:
    """Runs generated PyTorch modules."""

    framework = "torch"

    def use_threads(self, threads: int | None) -> int | None:
        """Set the number of threads, unless it is None; the current number."""
        torch = load_framework(self.framework)
        if threads is not None:
            torch.set_num_threads(threads)
        count: int = torch.get_num_threads()
        return count

    def prepare(self, module: ModuleType, inputs: Sequence[Data], dtype: str, *, input_grads: bool) -> TorchRunning:
        """An instance of the module's class, and random inputs."""
        return TorchRunning(torch_class(module), inputs, dtype, input_grads)

    def predicted_peak(self, plan: Plan) -> int:
        """The peak of both passes, without cores and inputs."""
        return plan.totals.bytes_peak_training

    def machine(self, threads: int | None) -> TorchMachine:
        """The operations of PyTorch."""
        return TorchMachine(threads)


class TorchRunning:
    """An instance of a generated class."""

    def __init__(self, network: Any, inputs: Sequence[Data], dtype: str, input_grads: bool) -> None:
        self._torch: Any = import_module("torch")
        torch = self._torch
        kind = getattr(torch, dtype)
        generator = torch.Generator().manual_seed(0)
        self._module = network(dtype=kind, generator=generator)
        self._inputs = [self._drawn(data, kind, generator, input_grads) for data in inputs]
        with torch.no_grad():
            made = self._tuple(self._module(*self._inputs))
        self._cotangents = [torch.randn(result.shape, generator=generator).to(kind) for result in made]

    def _drawn(self, data: Data, kind: Any, generator: Any, input_grads: bool) -> Any:
        if data.values is not None:
            return self._torch.randint(data.values, data.shape, generator=generator)
        return self._torch.randn(data.shape, generator=generator).to(kind).requires_grad_(input_grads)

    def run(self) -> Halves:
        """Run forward, and backward from random cotangents; gradients of an earlier step are dropped first."""
        self._drop()
        start = now()
        results = self._tuple(self._module(*self._inputs))
        middle = now()
        trained = [(r, c) for r, c in zip(results, self._cotangents, strict=True) if r.requires_grad]
        if not trained:
            return Halves(middle - start, None)
        self._torch.autograd.backward([r for r, _ in trained], [c for _, c in trained])
        return Halves(middle - start, now() - start)

    def saved_bytes(self) -> int:
        """The bytes that the hooks for saved tensors see."""
        from tnc.measure.memory import saved_bytes

        given = (*self._inputs, *self._module.parameters(), *self._module.buffers())
        return saved_bytes(lambda: self._tuple(self._module(*self._inputs)), given)

    def peak_bytes(self) -> int:
        """The peak by the allocator's events, without cores and inputs."""
        from tnc.measure.memory import peak_bytes

        self._drop()
        found = peak_bytes(lambda: self._tuple(self._module(*self._inputs)), self._cotangents)
        self._drop()
        return found

    def _drop(self) -> None:
        for tensor in (*self._inputs, *self._module.parameters()):
            tensor.grad = None

    def _tuple(self, results: Any) -> tuple[Any, ...]:
        return (results,) if isinstance(results, self._torch.Tensor) else tuple(results)


class TorchMachine:
    """The operations of eager PyTorch."""

    def __init__(self, threads: int | None) -> None:
        self.threads = TorchRunner().use_threads(threads)
        self._torch: Any = import_module("torch")
        self.name = version("torch")
        self.dtypes = tuple(filter(self._multiplies, ("float32", "float64", "bfloat16", "float16")))

    def _multiplies(self, dtype: str) -> bool:
        """Whether this processor multiplies matrices of a dtype."""
        try:
            self.product(0, 2, 2, 2, dtype)()
        except RuntimeError:
            return False
        return True

    def product(self, batch: int, rows: int, summed: int, columns: int, dtype: str) -> Action:
        """A product into an allocated result."""
        torch = self._torch
        stack = (batch,) if batch else ()
        made = [
            torch.randn(*stack, *shape).to(getattr(torch, dtype))
            for shape in ((rows, summed), (summed, columns), (rows, columns))
        ]
        left, right, out = made
        return lambda: torch.matmul(left, right, out=out)

    def copy(self, entries: int) -> Action:
        """A copy into an allocated result."""
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
        """A function into an allocated result."""
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
                # As in a training step, a small tensor is made later and outlives the large one.
                held.append(torch.empty(1000))
                del made, held[:-1]

            return fill
        target = torch.zeros(size, dtype=torch.uint8)
        return lambda: target.fill_(1)

    def chain(self, length: int, link: Link) -> tuple[Callable[[], float], Callable[[], float]]:
        """A chain of small calls."""
        torch = self._torch
        start = torch.eye(2, requires_grad=True)
        factor = torch.eye(2, requires_grad=link != "views")
        links: dict[Link, Callable[[Any], Any]] = {
            "product": lambda value: value @ factor,
            "views": lambda value: value.reshape(4).reshape(2, 2),
            "kron": lambda value: torch.kron(value, factor)[:2, :2],
        }
        follow = links[link]

        def run() -> tuple[float, float]:
            begin = now()
            value = start
            for _ in range(length):
                value = follow(value)
            middle = now()
            torch.autograd.grad(value, start, torch.ones(2, 2))
            return middle - begin, now() - middle

        return lambda: run()[0], lambda: run()[1]
