"""JAX: a pure ``apply`` over a dictionary of parameters; loops are ``lax.scan``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tnc.codegen.dialect import Shared
from tnc.codegen.documents import Doc, Group, call, flat, tuple_of
from tnc.codegen.functional import ArrayDialect, Words, emit_functions
from tnc.codegen.imports import Import
from tnc.codegen.loops import LoopText
from tnc.codegen.scalars import Functions, Helper
from tnc.codegen.writer import Writer
from tnc.ir.schedule import Plan, Stack
from tnc.ir.traits import Traits

_RESERVED = frozenset(
    {"jax", "jnp", "lax", "DTypeLike", "suppress", "params", "key"}
    | {
        "COMPLEX",
        "SEEDED",
        "seeded",
        "NormalDist",
        "hashlib",
        "lru_cache",
        "FROZEN",
        "init",
        "apply",
        "params_from_cores",
    }
)

_FUNCTIONS = Functions(
    namespace="jnp",
    tensor="jax.Array",
    calls={
        "relu": "jax.nn.relu({0})",
        "leaky_relu": "leaky_relu({0}, {1})",
        "leaky_relu_number": "leaky_relu({0}, {1})",
        "elu": "jax.nn.elu({0}, {1})",
        "elu_number": "jax.nn.elu({0}, {1})",
        "gelu": "jax.nn.gelu({0}, approximate=False)",
        "silu": "jax.nn.silu({0})",
        "mish": "jax.nn.mish({0})",
        "sigmoid": "jax.nn.sigmoid({0})",
        "softplus": "jax.nn.softplus({0})",
        "erf": "lax.erf({0})",
        "abs": "absolute({0})",
        "pow": "power({0}, {1})",
        "min": "minimum({0}, {1})",
        "max": "maximum({0}, {1})",
        "min_number": "minimum({0}, {1})",
        "max_number": "maximum({0}, {1})",
    },
    helpers={
        "leaky_relu": Helper('''
            def leaky_relu(t: jax.Array, slope: jax.Array | float) -> jax.Array:
                """t where it is positive, else slope * t; the derivative at 0 is the slope."""
                positive = t > 0.0
                return jnp.where(positive, t, slope * jnp.where(positive, 0.0, t))
        '''),
        "absolute": Helper('''
            def absolute(t: jax.Array) -> jax.Array:
                """The absolute value, with derivative 0 at 0."""
                return jnp.abs(t) * (t != 0.0)
        '''),
        "power": Helper('''
            def power(base: jax.Array, exponent: jax.Array) -> jax.Array:
                """base ** exponent, with derivative 0 by the base where the exponent is 0."""
                constant = exponent == 0.0
                return jnp.where(constant, lax.stop_gradient(base), base) ** exponent
        '''),
        "minimum": Helper('''
            def minimum(a: jax.Array, b: jax.Array | float) -> jax.Array:
                """The smaller one, which gets the gradient; equal ones get half of it each."""
                return jnp.where(a < b, a, jnp.where(a > b, b, jnp.minimum(a, b)))
        '''),
        "maximum": Helper('''
            def maximum(a: jax.Array, b: jax.Array | float) -> jax.Array:
                """The larger one, which gets the gradient; equal ones get half of it each."""
                return jnp.where(a > b, a, jnp.where(a < b, b, jnp.maximum(a, b)))
        '''),
        "rms": Helper('''
            def rms(t: jax.Array, axes: tuple[int, ...], epsilon: float) -> jax.Array:
                """t over its root mean square along some axes."""
                mean = (t * t.conj()).real.mean(axes, keepdims=True)
                return t * lax.rsqrt(mean + epsilon)
        '''),
        "embed": Helper('''
            def embed(t: jax.Array) -> jax.Array:
                """The first axis of t as the diagonal of two."""
                every = jnp.arange(len(t))
                return jnp.zeros((len(t), *t.shape), t.dtype).at[every, every].set(t)
        '''),
    },
)

_FILLS = (
    (
        frozenset({"Normal", "Identity"}),
        '''
        def _normal(
            key: jax.Array, shape: tuple[int, ...], std: float, dtype: DTypeLike
        ) -> jax.Array:
            """Independent normal entries."""
            return std * jax.random.normal(key, shape, dtype)
    ''',
    ),
    (
        frozenset({"Uniform"}),
        '''
        def _uniform(
            key: jax.Array, shape: tuple[int, ...], low: float, high: float, dtype: DTypeLike
        ) -> jax.Array:
            """Independent uniform entries, real ones whatever the dtype."""
            real = jnp.finfo(dtype).dtype
            return jax.random.uniform(key, shape, real, low, high).astype(dtype)
    ''',
    ),
    (
        frozenset({"Orthogonal"}),
        '''
        def _orthogonal(
            key: jax.Array,
            shape: tuple[int, ...],
            rows: int,
            columns: int,
            gain: float,
            dtype: DTypeLike,
        ) -> jax.Array:
            """Random isometries between input axes (rows) and output axes (columns).

            If one side is a multiple of the other, each is a row of square orthogonal
            blocks, so that all columns have one norm.
            """
            short, long = sorted((rows, columns))
            blocks = long // short if short > 1 and long % short == 0 else 1
            exact = jnp.promote_types(dtype, jnp.float32)
            normal = jax.random.normal(key, shape, exact)
            q, r = jnp.linalg.qr(normal.reshape(-1, long // blocks, short))
            q = q * jnp.sign(jnp.diagonal(r, axis1=1, axis2=2))[:, jnp.newaxis]
            q = gain * blocks**-0.5 * q.reshape(-1, long, short)
            q = q if rows > columns else q.swapaxes(1, 2)
            return q.reshape(shape).astype(dtype)
    ''',
    ),
    (
        frozenset({"Identity"}),
        '''
        def _identity(
            key: jax.Array,
            shape: tuple[int, ...],
            rows: int,
            columns: int,
            noise: float,
            dtype: DTypeLike,
        ) -> jax.Array:
            """The identity from input axes (rows) to output axes (columns), plus noise."""
            entries = _normal(key, shape, noise, dtype).reshape(-1, rows, columns)
            return (jnp.eye(rows, columns, dtype=dtype) + entries).reshape(shape)
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
        ) -> jax.Array:
            """Given entries, for one core or for every core of a stack."""
            return jnp.broadcast_to(jnp.asarray(values, dtype).reshape(core), shape)
    ''',
    ),
)


def _write_registration(writer: Writer, output: str) -> None:
    """Write what lets exported functions be serialized that return the named tuple."""
    writer.line("# The name by which `jax.export` saves and loads this type; imported again, it has one.")
    name = f'serialized_name=f"{{__name__}}.{output}"'
    with writer.block("with suppress(ValueError):"):
        writer.line(call("jax.export.register_namedtuple_serialization", output, name))


_WORDS = Words(
    framework="JAX",
    namespace="jnp",
    array="jax.Array",
    imports=(
        Import("jax"),
        Import("jax.export"),
        Import("jax.numpy", alias="jnp"),
        Import("jax", ("lax",)),
        Import("jax.typing", ("DTypeLike",)),
    ),
    init_parameters=("key: jax.Array", "dtype: DTypeLike = jnp.float32"),
    init_lines="keys = iter(jax.random.split(key, COUNT))",
    draw="next(keys)",
    is_complex="jnp.iscomplexobj({0})",
    lists_frozen=True,
    seed="jax.random.key(0)",
    compiled="@jax.jit",
    fills=_FILLS,
    write_registration=_write_registration,
)


@dataclass(frozen=True, slots=True)
class JaxDialect(ArrayDialect):
    """JAX's words."""

    functions: Functions = _FUNCTIONS
    reserved: frozenset[str] = _RESERVED
    solid: str = ""
    frees: bool = False
    loops_are_functions: bool = True

    def stack(self, stack: Stack) -> str:
        """An entry of ``params``; frozen ones stop gradients."""
        tensor = f'params["{stack.key}"]'
        return f"lax.stop_gradient({tensor})" if stack.frozen else tensor

    def unstack(self, tensor: str, axis: int) -> str:
        """One `unstack`, whose backward pass is one `stack`."""
        return f"jnp.unstack({tensor})" if axis == 0 else f"jnp.unstack({tensor}, axis={axis})"

    def broadcast(self, operand: str, shape: Sequence[str]) -> Doc:
        """The compiler decides whether to fill it in."""
        return call("jnp.broadcast_to", operand, flat(tuple_of(list(shape))))

    def shared(self, left: str, right: str, shared: Shared) -> Doc:
        """A left matrix on its own would have its rows before the batch: XLA transposed what it meets, and the result.

        Repeated for the batch, its gradient is as large as the batch; so it has to be light.
        """
        if shared.left and shared.light:
            return call("jnp.matmul", self.broadcast(shared.matrix, shared.shape), right)
        return ArrayDialect.shared(self, left, right, shared)

    def repeat(self, writer: Writer, loop: LoopText, write_body: Callable[[], None]) -> None:
        """A `scan`: the body as a function of what is carried and of the entries walked along."""
        entries = [entry for entry, _ in loop.walked]
        sources = [source for _, source in loop.walked]
        several = len(entries) > 1
        writer.separate()
        with writer.block(f"def {loop.function}({loop.carried}, {loop.entries}):"):
            if several:
                writer.line(f"{', '.join(entries)} = {loop.entries}")
            write_body()
            writer.line(f"return {loop.carried}, None")
        writer.blank()
        walked = flat(tuple_of(sources)) if several else sources[0] if sources else "None"
        length = () if entries else (f"length={loop.operation.count}",)
        initial: Doc = loop.initial
        if loop.converts:
            # A scan carries one dtype: that of the result, which inputs may change.
            initial = call(f"{loop.initial}.astype", call("jnp.result_type", loop.initial, *loop.sources))
        writer.line(Group(f"{loop.carried}, _ = lax.scan(", (loop.function, initial, walked, *length), ")"))


class JaxEmitter:
    """Emits JAX modules; ``jit`` compiles a whole step."""

    traits = Traits(fuses=True)

    def emit(self, plan: Plan) -> str:
        """The text of a module of functions."""
        return emit_functions(plan, JaxDialect(), _WORDS, None)
