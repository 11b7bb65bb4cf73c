"""JAX under ``jit``, on the processor."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from types import ModuleType
from typing import Any

from tnc.diagnostics import CompileError, Diagnostic
from tnc.ir.schedule import Plan
from tnc.measure.rounds import now
from tnc.measure.runners import Action, Data, Halves, Link, load_framework, version
from tnc.measure.xla.step import jit_memory


class JaxRunner:
    """Runs generated JAX modules."""

    framework = "jax"

    def use_threads(self, threads: int | None) -> None:
        """Refuse a number of threads: XLA takes as many as there are processors.

        Raises:
            CompileError: TN024 if a number is given.
        """
        if threads is not None:
            message = "the number of threads of jax cannot be chosen while it runs"
            help_text = "leave `--threads` out; `taskset` gives a process fewer processors"
            raise CompileError((Diagnostic("TN024", message, help=help_text),))

    def prepare(self, module: ModuleType, inputs: Sequence[Data], dtype: str, *, input_grads: bool) -> JaxRunning:
        """Compiled steps of the module, and random inputs."""
        return JaxRunning(module, inputs, dtype, input_grads)

    def predicted_peak(self, plan: Plan) -> int:
        """What XLA has in memory during a step, by the simulation of its buffer assignment."""
        return jit_memory(plan.schedule, plan.dtype).total

    def machine(self, threads: int | None) -> JaxMachine:
        """The operations of JAX."""
        self.use_threads(threads)
        return JaxMachine()


class JaxRunning:
    """Two compiled functions: both passes are one call, and the forward pass is another."""

    def __init__(self, module: Any, inputs: Sequence[Data], dtype: str, input_grads: bool) -> None:
        jax = self._jax = load_framework("jax")
        with jax.default_device(jax.devices("cpu")[0]), jax.enable_x64(dtype in ("float64", "complex128")):
            key = jax.random.key(0)
            parameters: dict[str, Any] = module.init(key, dtype=jax.numpy.dtype(dtype))
            numbers = {
                place: jax.random.normal(key, data.shape).astype(dtype)
                for place, data in enumerate(inputs)
                if data.values is None
            }
            integers = {
                place: jax.random.randint(key, data.shape, 0, data.values)
                for place, data in enumerate(inputs)
                if data.values is not None
            }
            frozen = {name: value for name, value in parameters.items() if name in module.FROZEN}
            trained = {name: value for name, value in parameters.items() if name not in module.FROZEN}

            def applied(trained: Any, fixed: Any, numbers: Any) -> Any:
                frozen, integers = fixed
                data = {**numbers, **integers}
                return module.apply({**frozen, **trained}, *(data[place] for place in range(len(data))))

            given = trained, (frozen, integers), numbers
            self._forward = self._compiled(applied, *given)
            moving = trained or (input_grads and numbers)
            self._whole = self._training(applied, *given, input_grads=input_grads) if moving else None

    def _training(
        self,
        applied: Callable[..., Any],
        trained: Mapping[str, Any],
        fixed: Any,
        numbers: Mapping[int, Any],
        *,
        input_grads: bool,
    ) -> tuple[Any, tuple[Any, ...]]:
        jax = self._jax

        def both(trained: Any, fixed: Any, numbers: Any, cotangents: Any) -> Any:
            def forward(trained: Any, numbers: Any = numbers) -> Any:
                return applied(trained, fixed, numbers)

            value, pull = jax.vjp(forward, *((trained, numbers) if input_grads else (trained,)))
            return value, pull(cotangents)

        def ones(found: Any) -> Any:
            return jax.numpy.ones(found.shape, found.dtype)

        cotangents = jax.tree.map(ones, jax.eval_shape(applied, trained, fixed, numbers))
        return self._compiled(both, trained, fixed, numbers, cotangents)

    def _compiled(self, function: Callable[..., Any], *arguments: Any) -> tuple[Any, tuple[Any, ...]]:
        return self._jax.jit(function).lower(*arguments).compile(), arguments

    def run(self) -> Halves:
        """Call each function once and wait for its results."""
        forward = self._call(self._forward)
        return Halves(forward, None if self._whole is None else self._call(self._whole))

    def _call(self, compiled: tuple[Any, tuple[Any, ...]]) -> float:
        call, arguments = compiled
        start = now()
        self._jax.block_until_ready(call(*arguments))
        return now() - start

    def saved_bytes(self) -> None:
        """None: XLA does not report what it keeps between the passes."""

    def peak_bytes(self) -> int | None:
        """The bytes of arguments, temporaries and results in a step."""
        compiled, _ = self._whole or self._forward
        found = compiled.memory_analysis()
        return None if found is None else xla_bytes(found)


def xla_bytes(analysis: Any) -> int:
    """The sum of XLA's ``memory_analysis()``: arguments, temporaries and results; aliased bytes count once."""
    given = analysis.argument_size_in_bytes + analysis.output_size_in_bytes - analysis.alias_size_in_bytes
    return int(given + analysis.temp_size_in_bytes)


class JaxMachine:
    """The operations of JAX, each compiled by itself.

    The first argument of an operation is donated: XLA writes the result over it, so that no call allocates.
    """

    threads = None

    def __init__(self) -> None:
        self._jax: Any = load_framework("jax")
        self.name = version("jax")
        self.dtypes = tuple(filter(self._multiplies, ("float32", "float64", "bfloat16", "float16")))

    def _multiplies(self, dtype: str) -> bool:
        """Whether XLA multiplies matrices of a dtype on this processor."""
        try:
            self.product(0, 2, 2, 2, dtype)()
        except Exception:  # XLA raises errors of its own
            return False
        return True

    def product(self, batch: int, rows: int, summed: int, columns: int, dtype: str) -> Action:
        """A product into an allocated result."""
        numpy = self._jax.numpy
        stack = (batch,) if batch else ()
        with self._on_processor(dtype):
            made = [
                numpy.ones((*stack, *shape), dtype) for shape in ((rows, columns), (rows, summed), (summed, columns))
            ]
            return self._into(numpy.matmul, *made)

    def copy(self, entries: int) -> Action:
        """A copy into an allocated result."""
        return self._unary(lambda source: source, (entries,), (entries,))

    def scatter(self, entries: int, together: int) -> Action:
        """A transposition of runs."""
        side = round((entries // together) ** 0.5)
        shape = (side, side, together)
        return self._unary(lambda source: source.transpose(1, 0, 2), shape, shape)

    def reverse(self, axes: int) -> Action:
        """A reversal of axes."""
        shape = (2,) * axes
        return self._unary(lambda source: source.transpose(), shape, shape)

    def function(self, entries: int, name: str) -> Action:
        """A function into an allocated result."""
        return self._unary(getattr(self._jax.numpy, name), (entries,), (entries,))

    def fill(self, size: int, *, fresh: bool) -> Action:
        """Bytes written."""
        numpy = self._jax.numpy
        with self._on_processor("float32"):
            value = numpy.ones((), "uint8")

            def filled(value: Any) -> Any:
                return numpy.broadcast_to(value, size)

            if fresh:
                call = self._jax.jit(filled).lower(value).compile()
                return lambda: self._jax.block_until_ready(call(value))
            return self._into(filled, numpy.zeros(size, "uint8"), value)

    def chain(self, length: int, link: Link) -> tuple[Callable[[], float], Callable[[], float]]:
        """The calls of one compiled function; backward is what its gradient takes beyond that."""
        jax = self._jax

        links: dict[Link, Callable[[Any, Any], Any]] = {
            "product": lambda value, factor: value @ factor,
            "views": lambda value, _: value.reshape(4).reshape(2, 2),
            "kron": lambda value, factor: jax.numpy.kron(value, factor)[:2, :2],
        }

        def forward(value: Any, factor: Any) -> Any:
            for _ in range(length):
                value = links[link](value, factor)
            return value

        def both(value: Any, factor: Any) -> Any:
            result, pull = jax.vjp(forward, value, factor)
            return result, pull(result)

        with self._on_processor("float32"):
            given = jax.numpy.eye(2), jax.numpy.eye(2)
            calls = [jax.jit(function).lower(*given).compile() for function in (forward, both)]

        def seconds(call: Any) -> float:
            start = now()
            jax.block_until_ready(call(*given))
            return now() - start

        return lambda: seconds(calls[0]), lambda: max(seconds(calls[1]) - seconds(calls[0]), 0.0)

    def _unary(self, function: Callable[[Any], Any], shape: Sequence[int], result: Sequence[int]) -> Action:
        with self._on_processor("float32"):
            return self._into(function, self._jax.numpy.zeros(result), self._jax.numpy.ones(shape))

    def _into(self, function: Callable[..., Any], result: Any, *operands: Any) -> Action:
        """An action that writes the function's value over ``result``."""

        def over(_: Any, *given: Any) -> Any:
            return function(*given)

        jitted = self._jax.jit(over, donate_argnums=0, keep_unused=True)
        call = jitted.lower(result, *operands).compile()
        held = [result]

        def action() -> None:
            held[0] = self._jax.block_until_ready(call(held[0], *operands))

        return action

    def _on_processor(self, dtype: str) -> ExitStack:
        stack = ExitStack()
        stack.enter_context(self._jax.default_device(self._jax.devices("cpu")[0]))
        stack.enter_context(self._jax.enable_x64(dtype == "float64"))
        return stack
