"""NumPy: the reference. Forward only, any floating or complex dtype, whatever the parameters have."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tnc.codegen.axes import AxisLimit
from tnc.codegen.documents import Doc, Group
from tnc.codegen.functional import ArrayDialect, Words, emit_functions
from tnc.codegen.imports import Import
from tnc.codegen.loops import LoopText, write_for
from tnc.codegen.scalars import Functions, Helper
from tnc.codegen.writer import Writer
from tnc.ir.schedule import Plan, Stack
from tnc.ir.traits import Traits

_RESERVED = frozenset(
    {
        "np",
        "DTypeLike",
        "params",
        "seed",
        "COMPLEX",
        "SEEDED",
        "seeded",
        "NormalDist",
        "hashlib",
        "lru_cache",
        "init",
        "apply",
        "params_from_cores",
    },
)

_FUNCTIONS = Functions(
    namespace="np",
    tensor="np.ndarray",
    calls={
        "relu": "np.maximum({0}, 0.0)",
        "leaky_relu": "leaky_relu({0}, {1})",
        "leaky_relu_number": "leaky_relu({0}, {1})",
        "elu": "elu({0}, {1})",
        "elu_number": "elu({0}, {1})",
        "gelu": "gelu({0})",
        "silu": "silu({0})",
        "mish": "mish({0})",
        "sigmoid": "sigmoid({0})",
        "softplus": "np.logaddexp({0}, 0.0)",
        "erf": "erf({0})",
        "min": "np.minimum({0}, {1})",
        "max": "np.maximum({0}, {1})",
        "min_number": "np.minimum({0}, {1})",
        "max_number": "np.maximum({0}, {1})",
    },
    helpers={
        "leaky_relu": Helper('''
            def leaky_relu(t: np.ndarray, slope: np.ndarray | float) -> np.ndarray:
                """t where it is positive, else slope * t."""
                return np.where(t > 0.0, t, slope * t)
        '''),
        "elu": Helper('''
            def elu(t: np.ndarray, alpha: np.ndarray | float) -> np.ndarray:
                """t where it is positive, else alpha * (exp(t) - 1)."""
                return np.where(t > 0.0, t, alpha * np.expm1(np.minimum(t, 0.0)))
        '''),
        "erf": Helper('''
            def erf(t: np.ndarray) -> np.ndarray:
                """The error function, entry by entry."""
                return np.asarray(np.frompyfunc(math.erf, 1, 1)(t), dtype=t.dtype)
        '''),
        "gelu": Helper(
            '''
            def gelu(t: np.ndarray) -> np.ndarray:
                """t times the normal distribution function of t."""
                return 0.5 * t * (1.0 + erf(math.sqrt(0.5) * t))
        ''',
            needs=("erf",),
        ),
        "sigmoid": Helper('''
            def sigmoid(t: np.ndarray) -> np.ndarray:
                """1 / (1 + exp(-t)), without overflow on either side."""
                decay = np.exp(np.where(t.real > 0.0, -t, t))
                return np.where(t.real > 0.0, 1.0, decay) / (1.0 + decay)
        '''),
        "silu": Helper(
            '''
            def silu(t: np.ndarray) -> np.ndarray:
                """t * sigmoid(t)."""
                return t * sigmoid(t)
        ''',
            needs=("sigmoid",),
        ),
        "mish": Helper('''
            def mish(t: np.ndarray) -> np.ndarray:
                """t * tanh(softplus(t))."""
                return t * np.tanh(np.logaddexp(t, 0.0))
        '''),
        "rms": Helper('''
            def rms(t: np.ndarray, axes: tuple[int, ...], epsilon: float) -> np.ndarray:
                """t over its root mean square along some axes."""
                mean = (t * t.conj()).real.mean(axes, keepdims=True)
                return t / np.sqrt(mean + epsilon)
        '''),
        "embed": Helper('''
            def embed(t: np.ndarray) -> np.ndarray:
                """The first axis of t as the diagonal of two."""
                embedded = np.zeros((len(t), *t.shape), dtype=t.dtype)
                every = np.arange(len(t))
                embedded[every, every] = t
                return embedded
        '''),
    },
)

_DRAWN = frozenset({"Normal", "Orthogonal", "Identity"})

_FILLS = (
    (
        _DRAWN,
        '''
        def _normal(
            rng: np.random.Generator, shape: tuple[int, ...], std: float, dtype: DTypeLike
        ) -> np.ndarray:
            """Independent normal entries, complex ones where the dtype is complex."""
            entries = np.asarray(rng.standard_normal(shape))
            if np.issubdtype(dtype, np.complexfloating):
                entries = (entries + 1j * rng.standard_normal(shape)) * np.sqrt(0.5)
            return (std * entries).astype(dtype)
    ''',
    ),
    (
        frozenset({"Uniform"}),
        '''
        def _uniform(
            rng: np.random.Generator,
            shape: tuple[int, ...],
            low: float,
            high: float,
            dtype: DTypeLike,
        ) -> np.ndarray:
            """Independent uniform entries, real ones whatever the dtype."""
            return np.asarray(rng.uniform(low, high, shape)).astype(dtype)
    ''',
    ),
    (
        frozenset({"Orthogonal"}),
        '''
        def _orthogonal(
            rng: np.random.Generator,
            shape: tuple[int, ...],
            rows: int,
            columns: int,
            gain: float,
            dtype: DTypeLike,
        ) -> np.ndarray:
            """Random isometries between input axes (rows) and output axes (columns).

            If one side is a multiple of the other, each is a row of square orthogonal
            blocks, so that all columns have one norm.
            """
            short, long = sorted((rows, columns))
            blocks = long // short if short > 1 and long % short == 0 else 1
            exact = "D" if np.issubdtype(dtype, np.complexfloating) else "d"
            normal = _normal(rng, shape, 1.0, exact).reshape(-1, long // blocks, short)
            q, r = np.linalg.qr(normal)
            diagonal = r.diagonal(axis1=1, axis2=2)
            q = q * (diagonal / np.abs(diagonal))[:, np.newaxis]
            q = gain * blocks**-0.5 * q.reshape(-1, long, short)
            q = q if rows > columns else q.swapaxes(1, 2)
            return q.reshape(shape).astype(dtype)
    ''',
    ),
    (
        frozenset({"Identity"}),
        '''
        def _identity(
            rng: np.random.Generator,
            shape: tuple[int, ...],
            rows: int,
            columns: int,
            noise: float,
            dtype: DTypeLike,
        ) -> np.ndarray:
            """The identity from input axes (rows) to output axes (columns), plus noise."""
            entries = _normal(rng, shape, noise, dtype).reshape(-1, rows, columns)
            return (np.eye(rows, columns, dtype=dtype) + entries).reshape(shape)
    ''',
    ),
    (
        frozenset({"Entries"}),
        '''
        def _entries(
            shape: tuple[int, ...],
            core: tuple[int, ...],
            values: list[float] | list[list[float]],
            dtype: DTypeLike,
        ) -> np.ndarray:
            """Given entries, for one core or for every core of a stack."""
            return np.broadcast_to(np.asarray(values, dtype).reshape(core), shape).copy()
    ''',
    ),
)

_WORDS = Words(
    framework="NumPy",
    namespace="np",
    array="np.ndarray",
    imports=(
        Import("numpy", alias="np"),
        Import("numpy.typing", ("DTypeLike",)),
    ),
    init_parameters=("seed: int | None = None", "dtype: DTypeLike = np.float64"),
    init_lines="rng = np.random.default_rng(seed)",
    draw="rng",
    is_complex="np.iscomplexobj({0})",
    lists_frozen=False,
    seed="0",
    fills=_FILLS,
    axes=AxisLimit("NumPy", 64),
)


def _outside(index: str, values: int) -> str:
    return f"{index} has values outside of 0..{values}"


@dataclass(frozen=True, slots=True)
class NumpyDialect(ArrayDialect):
    """NumPy's words."""

    functions: Functions = _FUNCTIONS
    reserved: frozenset[str] = _RESERVED
    solid: str = ".copy()"
    frees: bool = True
    loops_are_functions: bool = False

    def stack(self, stack: Stack) -> str:
        """An entry of ``params``."""
        return f'params["{stack.key}"]'

    def unstack(self, tensor: str, axis: int) -> None:
        """Indexing makes views."""

    def check_index(self, index: str, values: int) -> Sequence[tuple[str, str, str]]:
        """The range, too: NumPy counts negative numbers from the end."""
        outside = f"(({index} < 0) | ({index} >= {values})).any()"
        return (*ArrayDialect.check_index(self, index, values), (outside, "IndexError", _outside(index, values)))

    def broadcast(self, operand: str, shape: Sequence[str]) -> Doc:
        """`broadcast_to` is a view, and one that cannot be written to."""
        target = f"({', '.join(shape)}{',' if len(shape) == 1 else ''})"
        return Group("np.broadcast_to(", (operand, target), ").copy()")

    def repeat(self, writer: Writer, loop: LoopText, write_body: Callable[[], None]) -> None:
        """A `for` loop."""
        write_for(writer, loop, write_body)


class NumpyEmitter:
    """Emits NumPy modules, which have no backward pass."""

    traits = Traits(saves=False)

    def emit(self, plan: Plan) -> str:
        """The text of a module of functions."""
        return emit_functions(plan, NumpyDialect(), _WORDS, "np.asarray({0})")
