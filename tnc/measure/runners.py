"""How measurements reach a framework: one :class:`Runner` a backend, found by the backend's name."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from types import MappingProxyType, ModuleType
from typing import Any, Final, Literal, Protocol, TypeAlias, cast

from tnc import codegen
from tnc.diagnostics import CompileError, Diagnostic
from tnc.extras import missing
from tnc.ir.schedule import Plan, Schedule
from tnc.modules import module_of_source

Action: TypeAlias = Callable[[], object]
Link: TypeAlias = Literal["product", "views", "kron"]


@dataclass(frozen=True, slots=True)
class Halves:
    """Seconds of the forward pass, and of both passes; ``whole`` is None if nothing is trained."""

    forward: float
    whole: float | None


class Running(Protocol):
    """A network with numbers in its cores and inputs."""

    def run(self) -> Halves:
        """Run one training step; its seconds."""
        ...

    def saved_bytes(self) -> int | None:
        """The bytes that autograd keeps for the backward pass; None if the framework does not report them."""
        ...

    def peak_bytes(self) -> int | None:
        """The most bytes in use in a step, counted as :meth:`Runner.predicted_peak` counts them; None if unknown."""
        ...


class Machine(Protocol):
    """The operations that a device profile is measured with, as actions to be timed.

    Operands and results are allocated beforehand, unless memory itself is measured.
    """

    @property
    def name(self) -> str:
        """The framework and its version."""
        ...

    @property
    def threads(self) -> int | None:
        """The number of threads that compute; None if the framework does not report it."""
        ...

    @property
    def dtypes(self) -> Sequence[str]:
        """The real dtypes in which matrices can be multiplied."""
        ...

    def product(self, batch: int, rows: int, summed: int, columns: int, dtype: str) -> Action:
        """A product of matrices; batched if ``batch`` is not 0."""
        ...

    def copy(self, entries: int) -> Action:
        """A copy of float32 entries."""
        ...

    def scatter(self, entries: int, together: int) -> Action:
        """A transposition of float32 entries in runs of ``together``."""
        ...

    def reverse(self, axes: int) -> Action:
        """A permutation that reverses the order of ``axes`` axes of size 2."""
        ...

    def function(self, entries: int, name: str) -> Action:
        """``exp`` or ``tanh`` of float32 entries."""
        ...

    def fill(self, size: int, *, fresh: bool) -> Action:
        """Writing ``size`` bytes, to memory allocated by the action if ``fresh``."""
        ...

    def chain(self, length: int, link: Link) -> tuple[Callable[[], float], Callable[[], float]]:
        """The seconds, forward and backward, of a chain of small products, of pairs of views, or of Kronecker products.

        A Kronecker product comes with a view, which takes the first entries.
        """
        ...


@dataclass(frozen=True, slots=True)
class Data:
    """What is drawn for an input: normal numbers of this shape, or integers below ``values`` where that is a number."""

    shape: tuple[int, ...]
    values: int | None = None


class Runner(Protocol):
    """How the modules of one backend run on this machine. Making one imports no framework.

    Our own are in :data:`RUNNERS`; the emitter of another backend makes its own in a method ``runner()``.
    """

    @property
    def framework(self) -> str:
        """The framework, as ``import`` and ``pip install`` call it."""
        ...

    def use_threads(self, threads: int | None) -> int | None:
        """Set the number of threads, unless it is None; the current number, None if the framework does not report it.

        Raises:
            CompileError: TN024 if the framework cannot set it.
        """
        ...

    def prepare(self, module: ModuleType, inputs: Sequence[Data], dtype: str, *, input_grads: bool) -> Running:
        """A generated module with its cores initialised and data for its inputs."""
        ...

    def predicted_peak(self, plan: Plan) -> int:
        """The bytes that :meth:`Running.peak_bytes` is predicted to return."""
        ...

    def machine(self, threads: int | None) -> Machine:
        """The operations that ``tnc calibrate`` measures."""
        ...


RUNNERS: Final = MappingProxyType(
    {
        "torch": "tnc.measure.torch_runner:TorchRunner",
        "jax": "tnc.measure.jax_runner:JaxRunner",
        "numpy": "tnc.measure.numpy_runner:NumpyRunner",
    }
)
"""The runners of the backends that come with the compiler; none is imported before it is needed."""


def runner(backend: str) -> Runner:
    """The runner of a backend.

    Raises:
        CompileError: TN010 if the backend is unknown, TN024 if it has no runner.
    """
    if backend in RUNNERS:
        module, _, attribute = RUNNERS[backend].partition(":")
        return cast("Runner", getattr(import_module(module), attribute)())
    make: Callable[[], Runner] | None = getattr(codegen.emitter(backend), "runner", None)
    if make is None:
        message = f"networks cannot be run here: the backend `{backend}` has no runner"
        help_text = "its emitter needs a method `runner()` that returns a `tnc.measure.runners.Runner`"
        raise CompileError((Diagnostic("TN024", message, help=help_text),))
    return make()


def prepare(backend: str, text: str, schedule: Schedule, dtype: str) -> Running:
    """A generated module, ready to run at the schedule's nominal sizes.

    Raises:
        CompileError: TN024 if the framework is not installed or does not load.
    """
    found = runner(backend)
    load_framework(found.framework)
    sizes = dict(schedule.sizes)
    inputs = [
        Data(tuple(sizes.get(dim, 1) if isinstance(dim, str) else dim for dim in given.shape), given.values)
        for given in schedule.inputs
    ]
    module = module_of_source(schedule.name, backend, text)
    return found.prepare(module, inputs, dtype, input_grads=any(given.grad for given in schedule.inputs))


def load_framework(name: str) -> Any:
    """The framework's module.

    Raises:
        CompileError: TN024 if it is not installed or does not load.
    """
    if find_spec(name) is None:
        raise missing(name, "networks cannot be run here", "choose another backend with `--backend`")
    # Without this, torch's memory profiler prints messages of its own.
    os.environ.setdefault("KINETO_LOG_LEVEL", "99")
    try:
        return import_module(name)
    except (ImportError, OSError) as error:
        reason = " ".join(str(error).split())[:200]
        message = f"networks cannot be run here: {name} is installed but does not load: {reason}"
        raise CompileError((Diagnostic("TN024", message, help=f"repair {name}"),)) from None


def version(framework: str) -> str:
    """The framework's name and version."""
    found: str = import_module(framework).__version__
    return f"{framework} {found.partition('+')[0]}"
