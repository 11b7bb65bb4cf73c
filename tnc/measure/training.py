"""A compiled network ready to run on this machine: one training step, timed in halves, and what memory it takes."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from time import perf_counter
from typing import Any, Final, Protocol

from tnc.diagnostics import CompileError, Diagnostic
from tnc.extras import missing
from tnc.ir.schedule import Schedule
from tnc.modules import module_of_source, torch_class

BACKENDS: Final = ("torch", "jax")
"""Backends that have a backward pass."""


@dataclass(frozen=True, slots=True)
class Halves:
    """Seconds of the forward pass, and of both passes; ``whole`` is None where nothing is trained."""

    forward: float
    whole: float | None


class Running(Protocol):
    """A network with numbers in its cores and inputs."""

    def run(self) -> Halves:
        """One step."""
        ...

    def saved_bytes(self) -> int | None:
        """What autograd keeps for the backward pass, where the framework tells."""
        ...

    def peak_bytes(self) -> int | None:
        """The most bytes in use in a step, where the framework tells: of JAX with arguments, of torch without."""
        ...


def prepare(backend: str, text: str, schedule: Schedule, dtype: str) -> Running:
    """A generated module, ready to run.

    Raises:
        CompileError: TN024 if the framework is not installed, or has no such dtype here.
    """
    framework = _framework(backend)
    module = module_of_source(schedule.name, backend, text)
    sizes = dict(schedule.sizes)
    shapes = [[sizes.get(dim, 1) if isinstance(dim, str) else dim for dim in given.shape] for given in schedule.inputs]
    grads = any(given.grad for given in schedule.inputs)
    if backend == "jax":
        return JaxRunning(framework, module, shapes, dtype, grads)
    return TorchRunning(framework, torch_class(module), shapes, dtype, grads)


def use_threads(backend: str, threads: int | None) -> int | None:
    """Compute with so many threads, where the framework lets itself be told; how many there are, where it tells.

    Raises:
        CompileError: TN024 if the framework is not installed, or cannot be told.
    """
    framework = _framework(backend)
    if backend == "torch":
        if threads is not None:
            framework.set_num_threads(threads)
        count: int = framework.get_num_threads()
        return count
    if threads is not None:
        message = "the number of threads of jax cannot be chosen while it runs"
        help_text = "leave `--threads` out; `taskset` gives a process fewer processors"
        raise CompileError((Diagnostic("TN024", message, help=help_text),))
    return None


def _framework(backend: str) -> Any:
    if find_spec(backend) is None:
        raise missing(backend, "networks cannot be run here", "choose another backend with `--backend`")
    # The profiler that tells of memory would tell of itself, too.
    os.environ.setdefault("KINETO_LOG_LEVEL", "99")
    try:
        return import_module(backend)
    except (ImportError, OSError) as error:
        reason = " ".join(str(error).split())[:200]
        message = f"networks cannot be run here: {backend} is installed but does not load: {reason}"
        raise CompileError((Diagnostic("TN024", message, help=f"repair {backend}"),)) from None


def version(backend: str) -> str:
    """The framework and its version."""
    found: str = import_module(backend).__version__
    return f"{backend} {found.partition('+')[0]}"


class TorchRunning:
    """In eager PyTorch, on the processor."""

    def __init__(
        self, torch: Any, network: Any, shapes: Sequence[Sequence[int]], dtype: str, input_grads: bool
    ) -> None:
        self._torch = torch
        kind = getattr(torch, dtype)
        generator = torch.Generator().manual_seed(0)
        self._module = network(dtype=kind, generator=generator)
        inputs = [torch.randn(shape, generator=generator).to(kind) for shape in shapes]
        self._inputs = [data.requires_grad_(input_grads) for data in inputs]
        with torch.no_grad():
            made = self._tuple(self._module(*self._inputs))
        self._cotangents = [torch.randn(result.shape, generator=generator).to(kind) for result in made]

    def run(self) -> Halves:
        """Forward, and backward from random cotangents; gradients of an earlier step are dropped first."""
        self._drop()
        start = perf_counter()
        results = self._tuple(self._module(*self._inputs))
        middle = perf_counter()
        trained = [(r, c) for r, c in zip(results, self._cotangents, strict=True) if r.requires_grad]
        if not trained:
            return Halves(middle - start, None)
        self._torch.autograd.backward([r for r, _ in trained], [c for _, c in trained])
        return Halves(middle - start, perf_counter() - start)

    def saved_bytes(self) -> int:
        """By the hooks for saved tensors."""
        from tnc.measure.memory import saved_bytes

        given = (*self._inputs, *self._module.parameters(), *self._module.buffers())
        return saved_bytes(lambda: self._tuple(self._module(*self._inputs)), given)

    def peak_bytes(self) -> int:
        """By the allocator's events."""
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


class JaxRunning:
    """Under ``jax.jit``, on the processor: both passes are one call, so a forward pass is compiled beside it."""

    def __init__(self, jax: Any, module: Any, shapes: Sequence[Sequence[int]], dtype: str, input_grads: bool) -> None:
        self._jax = jax
        with jax.default_device(jax.devices("cpu")[0]), jax.enable_x64(dtype in ("float64", "complex128")):
            key = jax.random.key(0)
            parameters: dict[str, Any] = module.init(key, dtype=jax.numpy.dtype(dtype))
            inputs = [jax.random.normal(key, shape).astype(dtype) for shape in shapes]
            frozen = {name: value for name, value in parameters.items() if name in module.FROZEN}
            trained = {name: value for name, value in parameters.items() if name not in module.FROZEN}

            def applied(trained: Any, frozen: Any, inputs: Any) -> Any:
                return module.apply({**frozen, **trained}, *inputs)

            given = trained, frozen, inputs
            self._forward = self._compiled(applied, *given)
            moving = trained or (input_grads and inputs)
            self._whole = self._training(applied, *given, input_grads=input_grads) if moving else None

    def _training(
        self,
        applied: Callable[..., Any],
        trained: Mapping[str, Any],
        frozen: Mapping[str, Any],
        inputs: list[Any],
        *,
        input_grads: bool,
    ) -> tuple[Any, tuple[Any, ...]]:
        jax = self._jax

        def both(trained: Any, frozen: Any, inputs: Any, cotangents: Any) -> Any:
            def forward(trained: Any, inputs: Any = inputs) -> Any:
                return applied(trained, frozen, inputs)

            value, pull = jax.vjp(forward, *((trained, inputs) if input_grads else (trained,)))
            return value, pull(cotangents)

        def ones(found: Any) -> Any:
            return jax.numpy.ones(found.shape, found.dtype)

        cotangents = jax.tree.map(ones, jax.eval_shape(applied, trained, frozen, inputs))
        return self._compiled(both, trained, frozen, inputs, cotangents)

    def _compiled(self, function: Callable[..., Any], *arguments: Any) -> tuple[Any, tuple[Any, ...]]:
        return self._jax.jit(function).lower(*arguments).compile(), arguments

    def run(self) -> Halves:
        """One call each, waited for."""
        forward = self._call(self._forward)
        return Halves(forward, None if self._whole is None else self._call(self._whole))

    def _call(self, compiled: tuple[Any, tuple[Any, ...]]) -> float:
        call, arguments = compiled
        start = perf_counter()
        self._jax.block_until_ready(call(*arguments))
        return perf_counter() - start

    def saved_bytes(self) -> None:
        """XLA does not tell what it keeps."""

    def peak_bytes(self) -> int | None:
        """All that XLA has in memory during a step: arguments, temporaries and results."""
        compiled, _ = self._whole or self._forward
        found = compiled.memory_analysis()
        return None if found is None else xla_bytes(found)


def xla_bytes(analysis: Any) -> int:
    """The sum of XLA's ``memory_analysis()``: arguments, temporaries and results, what lies in one place once."""
    given = analysis.argument_size_in_bytes + analysis.output_size_in_bytes - analysis.alias_size_in_bytes
    return int(given + analysis.temp_size_in_bytes)
