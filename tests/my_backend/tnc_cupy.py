"""CuPy: forward only, on the GPU. A backend of another package: one file and one entry point."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from time import perf_counter
from types import ModuleType
from typing import Any

from tnc.codegen.axes import AxisLimit
from tnc.codegen.documents import Doc, Group
from tnc.codegen.functional import ArrayDialect, Words, emit_functions
from tnc.codegen.imports import Import
from tnc.codegen.loops import LoopText, write_for
from tnc.codegen.scalars import Functions, Helper
from tnc.codegen.writer import Writer
from tnc.ir.schedule import Plan, Stack
from tnc.ir.traits import Traits
from tnc.measure.runners import Data, Halves, Machine

_FUNCTIONS = Functions(
    namespace="cp",
    tensor="cp.ndarray",
    calls={
        "relu": "cp.maximum({0}, 0.0)",
        "leaky_relu": "cp.where({0} > 0.0, {0}, {1} * {0})",
        "leaky_relu_number": "cp.where({0} > 0.0, {0}, {1} * {0})",
        "elu": "elu({0}, {1})",
        "elu_number": "elu({0}, {1})",
        "gelu": "gelu({0})",
        "silu": "silu({0})",
        "mish": "mish({0})",
        "sigmoid": "sigmoid({0})",
        "softplus": "cp.logaddexp({0}, 0.0)",
        "erf": "special.erf({0})",
        "min": "cp.minimum({0}, {1})",
        "max": "cp.maximum({0}, {1})",
        "min_number": "cp.minimum({0}, {1})",
        "max_number": "cp.maximum({0}, {1})",
    },
    helpers={
        "elu": Helper('''
            def elu(t: cp.ndarray, alpha: cp.ndarray | float) -> cp.ndarray:
                """t where it is positive, else alpha * (exp(t) - 1)."""
                return cp.where(t > 0.0, t, alpha * cp.expm1(cp.minimum(t, 0.0)))
        '''),
        "gelu": Helper('''
            def gelu(t: cp.ndarray) -> cp.ndarray:
                """t times the normal distribution function of t."""
                return 0.5 * t * (1.0 + special.erf(math.sqrt(0.5) * t))
        '''),
        "sigmoid": Helper('''
            def sigmoid(t: cp.ndarray) -> cp.ndarray:
                """1 / (1 + exp(-t)), without overflow on either side."""
                decay = cp.exp(cp.where(t.real > 0.0, -t, t))
                return cp.where(t.real > 0.0, 1.0, decay) / (1.0 + decay)
        '''),
        "silu": Helper(
            '''
            def silu(t: cp.ndarray) -> cp.ndarray:
                """t * sigmoid(t)."""
                return t * sigmoid(t)
        ''',
            needs=("sigmoid",),
        ),
        "mish": Helper('''
            def mish(t: cp.ndarray) -> cp.ndarray:
                """t * tanh(softplus(t))."""
                return t * cp.tanh(cp.logaddexp(t, 0.0))
        '''),
        "rms": Helper('''
            def rms(t: cp.ndarray, axes: tuple[int, ...], epsilon: float) -> cp.ndarray:
                """t over its root mean square along some axes."""
                mean = (t * t.conj()).real.mean(axes, keepdims=True)
                return t / cp.sqrt(mean + epsilon)
        '''),
        "embed": Helper('''
            def embed(t: cp.ndarray) -> cp.ndarray:
                """The first axis of t as the diagonal of two."""
                embedded = cp.zeros((len(t), *t.shape), dtype=t.dtype)
                every = cp.arange(len(t))
                embedded[every, every] = t
                return embedded
        '''),
    },
)

_NORMAL = '''
    def _normal(
        rng: cp.random.Generator, shape: tuple[int, ...], std: float, dtype: cp.dtype
    ) -> cp.ndarray:
        """Independent normal entries, complex ones where the dtype is complex."""
        entries = cp.asarray(rng.standard_normal(shape))
        if cp.issubdtype(dtype, cp.complexfloating):
            entries = (entries + 1j * rng.standard_normal(shape)) * 0.5**0.5
        return (std * entries).astype(dtype)
'''

_UNIFORM = '''
    def _uniform(
        rng: cp.random.Generator, shape: tuple[int, ...], low: float, high: float, dtype: cp.dtype
    ) -> cp.ndarray:
        """Independent uniform entries."""
        return (low + (high - low) * cp.asarray(rng.random(shape))).astype(dtype)
'''

_ORTHOGONAL = '''
    def _orthogonal(
        rng: cp.random.Generator,
        shape: tuple[int, ...],
        rows: int,
        columns: int,
        gain: float,
        dtype: cp.dtype,
    ) -> cp.ndarray:
        """Random isometries between input axes (rows) and output axes (columns).

        If one side is a multiple of the other, each is a row of square orthogonal blocks.
        """
        short, long = sorted((rows, columns))
        blocks = long // short if short > 1 and long % short == 0 else 1
        exact = "D" if cp.issubdtype(dtype, cp.complexfloating) else "d"
        normal = _normal(rng, shape, 1.0, exact).reshape(-1, long // blocks, short)
        q, r = cp.linalg.qr(normal)
        diagonal = r.diagonal(axis1=1, axis2=2)
        q = q * (diagonal / cp.abs(diagonal))[:, None]
        q = gain * blocks**-0.5 * q.reshape(-1, long, short)
        q = q if rows > columns else q.swapaxes(1, 2)
        return q.reshape(shape).astype(dtype)
'''

_IDENTITY = '''
    def _identity(
        rng: cp.random.Generator,
        shape: tuple[int, ...],
        rows: int,
        columns: int,
        noise: float,
        dtype: cp.dtype,
    ) -> cp.ndarray:
        """The identity from input axes (rows) to output axes (columns), plus noise."""
        entries = _normal(rng, shape, noise, dtype).reshape(-1, rows, columns)
        return (cp.eye(rows, columns, dtype=dtype) + entries).reshape(shape)
'''

_ENTRIES = '''
    def _entries(
        shape: tuple[int, ...],
        core: tuple[int, ...],
        values: list[float] | list[list[float]],
        dtype: cp.dtype,
    ) -> cp.ndarray:
        """Given entries, for one core or for every core of a stack."""
        return cp.broadcast_to(cp.asarray(values, dtype).reshape(core), shape).copy()
'''

_WORDS = Words(
    framework="CuPy",
    namespace="cp",
    array="cp.ndarray",
    imports=(Import("cupy", alias="cp"), Import("cupyx.scipy", ("special",))),
    init_parameters=("seed: int | None = None", "dtype: cp.dtype = cp.float64"),
    init_lines="rng = cp.random.default_rng(seed)",
    draw="rng",
    is_complex="cp.iscomplexobj({0})",
    lists_frozen=False,
    seed="0",
    fills=(
        (frozenset({"Normal", "Orthogonal", "Identity"}), _NORMAL),
        (frozenset({"Uniform"}), _UNIFORM),
        (frozenset({"Orthogonal"}), _ORTHOGONAL),
        (frozenset({"Identity"}), _IDENTITY),
        (frozenset({"Entries"}), _ENTRIES),
    ),
    axes=AxisLimit("CuPy", 32),
)

_RESERVED = frozenset({"cp", "special", "params", "seed", "COMPLEX", "init", "apply", "params_from_cores"})


@dataclass(frozen=True, slots=True)
class CupyDialect(ArrayDialect):
    """CuPy's words."""

    functions: Functions = _FUNCTIONS
    reserved: frozenset[str] = _RESERVED
    solid: str = ".copy()"
    frees: bool = True
    loops_are_functions: bool = False

    def stack(self, stack: Stack) -> str:
        """An entry of ``params``."""
        return f'params["{stack.key}"]'

    def unstack(self, tensor: str, axis: int) -> None:
        """None: indexing makes views."""

    def broadcast(self, operand: str, shape: Sequence[str]) -> Doc:
        """A copy, because a broadcast view cannot be written to."""
        target = f"({', '.join(shape)}{',' if len(shape) == 1 else ''})"
        return Group("cp.broadcast_to(", (operand, target), ").copy()")

    def repeat(self, writer: Writer, loop: LoopText, write_body: Callable[[], None]) -> None:
        """Write a ``for`` loop."""
        write_for(writer, loop, write_body)


class CupyEmitter:
    """What the entry point names: emits modules, and has the runner that ``tnc bench`` measures them with."""

    traits = Traits(saves=False)

    def emit(self, plan: Plan) -> str:
        """The text of a module of functions."""
        return emit_functions(plan, CupyDialect(), _WORDS, "cp.asarray({0})")

    def runner(self) -> CupyRunner:
        """How the modules run."""
        return CupyRunner()


class CupyRunner:
    """Runs generated CuPy modules."""

    framework = "cupy"

    def use_threads(self, threads: int | None) -> None:
        """None: the GPU has no number of threads to set."""

    def prepare(self, module: ModuleType, inputs: Sequence[Data], dtype: str, *, input_grads: bool) -> CupyRunning:
        """The module with its cores, and random inputs."""
        return CupyRunning(module, inputs, dtype)

    def predicted_peak(self, plan: Plan) -> int:
        """The peak of the forward pass, without cores and inputs."""
        return plan.totals.bytes_peak_forward

    def machine(self, threads: int | None) -> Machine:
        """Calibration needs every operation of :class:`tnc.measure.runners.Machine`; this backend has none of them."""
        raise NotImplementedError("use a device profile of this GPU that was measured with PyTorch")


class CupyRunning:
    """A generated module with its cores."""

    def __init__(self, module: Any, inputs: Sequence[Data], dtype: str) -> None:
        self._cupy: Any = import_module("cupy")
        rng = self._cupy.random.default_rng(0)
        self._module = module
        self._parameters = {name: core.astype(dtype) for name, core in module.init(0).items()}
        self._inputs = [
            self._cupy.asarray(rng.standard_normal(data.shape)).astype(dtype)
            if data.values is None
            else self._cupy.asarray(rng.integers(data.values, size=data.shape))
            for data in inputs
        ]

    def run(self) -> Halves:
        """Run the forward pass, until the GPU has finished."""
        start = perf_counter()
        self._module.apply(self._parameters, *self._inputs)
        self._cupy.cuda.get_current_stream().synchronize()
        return Halves(perf_counter() - start, None)

    def saved_bytes(self) -> None:
        """None: there is no backward pass."""

    def peak_bytes(self) -> None:
        """None: the pool of CuPy does not report a peak."""
