"""PyTorch: one ``nn.Module`` whose ``forward`` is the schedule, one assignment a step."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import assert_never

from tnc.backends.torch_cache import HELPERS, write_cached, write_decorator
from tnc.codegen import seeded
from tnc.codegen.axes import AxisLimit
from tnc.codegen.body import Body
from tnc.codegen.cores import write_cores
from tnc.codegen.dialect import Shared
from tnc.codegen.documents import Doc, Group, call, prefixed
from tnc.codegen.fills import Run, in_one_row, numbers, runs
from tnc.codegen.header import docstring
from tnc.codegen.imports import SAME, Import, write_imports
from tnc.codegen.loops import LoopText, write_for
from tnc.codegen.names import class_name, field_names
from tnc.codegen.results import write_result_type, write_return
from tnc.codegen.scalars import Functions, Helper, number_text
from tnc.codegen.unsupported import real_only, refuse
from tnc.codegen.writer import Writer
from tnc.diagnostics import InternalError
from tnc.ir.program import Constant, Entries, Identity, Normal, Orthogonal, Uniform
from tnc.ir.schedule import Plan, Schedule, Stack
from tnc.ir.traits import Traits

_TENSOR = "torch.Tensor"
_AXES = AxisLimit("PyTorch", 64, sums_only=True)

_RESERVED = frozenset(
    {"torch", "nn", "self", "Any", "Callable", "Iterator", "Self", "Sequence", "RLock"}
    | {"SEEDED", "NormalDist", "hashlib", "lru_cache", "contextmanager", "forward_ad", "parametrize", "wraps"}
)

_IMPORTS = (
    (
        Import("hashlib"),
        Import("math"),
        Import("collections.abc", ("Callable", "Iterator", "Mapping", "Sequence")),
        Import("contextlib", ("contextmanager",)),
        Import("functools", ("lru_cache", "wraps")),
        Import("statistics", ("NormalDist",)),
        Import("threading", ("RLock",)),
        Import("typing", ("Any", "NamedTuple", "Self")),
    ),
    (
        Import("torch"),
        Import("torch", ("nn",)),
        Import("torch.autograd", ("forward_ad",)),
        Import("torch.nn.utils", ("parametrize",)),
        Import("torch.utils", ("_pytree",)),
    ),
)

_FUNCTIONS = Functions(
    namespace="torch",
    tensor=_TENSOR,
    calls={
        "leaky_relu": "leaky_relu({0}, {1})",
        "leaky_relu_number": "nn.functional.leaky_relu({0}, {1})",
        "elu": "elu({0}, {1})",
        "elu_number": "nn.functional.elu({0}, {1})",
        "gelu": "nn.functional.gelu({0})",
        "silu": "nn.functional.silu({0})",
        "mish": "nn.functional.mish({0})",
        "softplus": "nn.functional.softplus({0}, threshold=40.0)",
        "min": "torch.minimum({0}, {1})",
        "max": "torch.maximum({0}, {1})",
        "min_number": "minimum({0}, {1})",
        "max_number": "maximum({0}, {1})",
    },
    in_place={
        **{name: f"torch.{name}_({{0}})" for name in ("relu", "tanh", "sigmoid", "exp")},
        "leaky_relu_number": "nn.functional.leaky_relu_({0}, {1})",
    },
    helpers={
        "leaky_relu": Helper('''
            def leaky_relu(t: torch.Tensor, slope: torch.Tensor) -> torch.Tensor:
                """t where it is positive, else slope * t."""
                positive = t > 0.0
                return torch.where(positive, t, slope * torch.where(positive, 0.0, t))
        '''),
        "elu": Helper('''
            def elu(t: torch.Tensor, alpha: torch.Tensor) -> torch.Tensor:
                """t where it is positive, else alpha * (exp(t) - 1)."""
                return torch.where(t > 0.0, t, alpha * torch.expm1(torch.clamp(t, max=0.0)))
        '''),
        "minimum": Helper('''
            def minimum(t: torch.Tensor, bound: float) -> torch.Tensor:
                """The smaller one; where both are equal, t gets half of the gradient."""
                return torch.minimum(t, t.new_full((), bound))
        '''),
        "maximum": Helper('''
            def maximum(t: torch.Tensor, bound: float) -> torch.Tensor:
                """The larger one; where both are equal, t gets half of the gradient."""
                return torch.maximum(t, t.new_full((), bound))
        '''),
        "rms": Helper('''
            def rms(t: torch.Tensor, axes: tuple[int, ...], epsilon: float) -> torch.Tensor:
                """t over its root mean square along some axes."""
                square = (t * t.conj()).real
                mean = square.mean(axes, keepdim=True) if axes else square
                return t * torch.rsqrt(mean + epsilon)
        '''),
    },
)

_FILL_ORTHOGONAL = '''
    def _fill_orthogonal(
        cores: torch.Tensor,
        rows: int,
        columns: int,
        gain: float,
        generator: torch.Generator | None,
    ) -> None:
        """Random isometries between input axes (rows) and output axes (columns).

        If one side is a multiple of the other, each is a row of square orthogonal
        blocks, so that all columns have one norm.
        """
        short, long = sorted((rows, columns))
        blocks = long // short if short > 1 and long % short == 0 else 1
        shape = (cores.numel() // (short * long) * blocks, long // blocks, short)
        dtype = torch.promote_types(cores.dtype, torch.float32)
        normal = torch.randn(shape, dtype=dtype, device=cores.device, generator=generator)
        q, r = torch.linalg.qr(normal)
        q = q * torch.sgn(r.diagonal(dim1=1, dim2=2)).unsqueeze(1)
        q = gain * blocks**-0.5 * q.reshape(-1, long, short)
        cores.copy_((q if rows > columns else q.mT).reshape(cores.shape))
'''

_FILL_IDENTITY = '''
    def _fill_identity(
        cores: torch.Tensor,
        rows: int,
        columns: int,
        noise: float,
        generator: torch.Generator | None,
    ) -> None:
        """The identity from input axes (rows) to output axes (columns), plus noise."""
        cores.normal_(std=noise, generator=generator)
        cores.view(-1, rows, columns).diagonal(dim1=1, dim2=2).add_(1.0)
'''

_LOAD = '''
    @torch.no_grad()
    def load_cores(self, cores: Mapping[str, torch.Tensor]) -> None:
        """Copy in all cores, converted to this module's dtype and device."""
        missing = [name for name in CORES if name not in cores]
        unknown = [name for name in cores if name not in CORES]
        if missing or unknown:
            raise ValueError(f"missing cores: {missing[:9]}; unknown: {unknown[:9]}")
        values = {name: torch.as_tensor(cores[name]) for name in CORES}
        for name, (_, _, shape) in CORES.items():
            given = tuple(values[name].shape)
            if given not in (shape, shape or (1,)):
                raise ValueError(f"core {name} has shape {shape}, not {given}")
        own = self.cores()
        for name, core in own.items():
            if values[name].is_complex() and not core.is_complex():
                raise TypeError(f"core {name} is real and cannot take complex entries")
        for name, core in own.items():
            core.copy_(values[name].reshape(core.shape))
'''

_LOAD_STORED = '''
    @torch.no_grad()
    def load_cores(self, cores: Mapping[str, torch.Tensor]) -> None:
        """Copy in all cores, converted to this module's dtype and device.

        Those with a seed may be left out, and are not copied.
        """
        shapes = {
            name: shape for name, (key, _, shape) in CORES.items() if key not in SEEDED
        }
        missing = [name for name in shapes if name not in cores]
        unknown = [name for name in cores if name not in CORES]
        if missing or unknown:
            raise ValueError(f"missing cores: {missing[:9]}; unknown: {unknown[:9]}")
        values = {name: torch.as_tensor(cores[name]) for name in shapes}
        for name, shape in shapes.items():
            given = tuple(values[name].shape)
            if given not in (shape, shape or (1,)):
                raise ValueError(f"core {name} has shape {shape}, not {given}")
        own = {name: core for name, core in self.cores().items() if name in shapes}
        for name, core in own.items():
            if values[name].is_complex() and not core.is_complex():
                raise TypeError(f"core {name} is real and cannot take complex entries")
        for name, core in own.items():
            core.copy_(values[name].reshape(core.shape))
'''

_CORES = '''
    def cores(self) -> dict[str, torch.Tensor]:
        """Every core under its name in the source, as a view of its parameter."""
        found: dict[str, torch.Tensor] = {}
        for name, (key, position, shape) in CORES.items():
            core = getattr(self, key)
            stored_alone = position is None and shape
            found[name] = core if stored_alone else core[position or 0]
        return found
'''

_APPLY_SEEDED = '''
    def _apply(
        self, fn: Callable[[torch.Tensor], torch.Tensor], recurse: bool = True
    ) -> Self:
        """Draw seeded constants again: exact in a new dtype, and after `to_empty`."""
        super()._apply(fn, recurse)
        self._draw_seeded()
        return self
'''

_APPLY = '''
    def _apply(
        self, fn: Callable[[torch.Tensor], torch.Tensor], recurse: bool = True
    ) -> Self:
        """Keep complex cores complex; a real dtype sets the precision of their parts."""

        def apply(tensor: torch.Tensor) -> torch.Tensor:
            if not tensor.is_complex():
                return fn(tensor)
            parts = fn(torch.view_as_real(tensor))
            return fn(tensor) if parts.is_complex() else torch.view_as_complex(parts)

        return super()._apply(apply, recurse)
'''


@dataclass(frozen=True, slots=True)
class TorchDialect:
    """PyTorch's words."""

    functions: Functions = _FUNCTIONS
    reserved: frozenset[str] = _RESERVED
    permute: str = "permute"
    kron: str = "torch.kron"
    solid: str = ".contiguous()"
    walks_members: bool = True
    frees: bool = True
    loops_are_functions: bool = False

    def stack(self, stack: Stack) -> str:
        """An attribute."""
        return f"self.{stack.key}"

    def unstack(self, tensor: str, axis: int) -> str:
        """One `unbind`, since the backward pass of repeated indexing is quadratic."""
        return f"{tensor}.unbind({axis})"

    def along(self, tensor: str, axis: int) -> str:
        """Loops walk along what `unbind` gave."""
        return self.unstack(tensor, axis)

    def number(self, value: str, reference: str | None) -> Doc:
        """A scalar like the reference."""
        return f"torch.tensor({value})" if reference is None else f"{reference}.new_full((), {value})"

    def eye(self, size: int, reference: str | None) -> Doc:
        """An identity where the reference is."""
        if reference is None:
            return f"torch.eye({size})"
        return call("torch.eye", str(size), f"dtype={reference}.dtype", f"device={reference}.device")

    def gather(self, matrix: str, index: str) -> Doc:
        """`index_select` refuses what is out of range, negative numbers included."""
        return call(f"{matrix}.index_select", "0", index)

    def check_index(self, index: str, values: int) -> Sequence[tuple[str, str, str]]:
        """The dtypes that `index_select` takes; it checks the values itself."""
        message = f"{index} has dtype {{{index}.dtype}}, not torch.int64 or torch.int32"
        return ((f"{index}.dtype not in (torch.int64, torch.int32)", "TypeError", message),)

    def shared(self, left: str, right: str, shared: Shared) -> Doc:
        """`@` would copy the batch to make one matrix of it; `bmm` reads the expanded matrix again and again."""
        if shared.left:
            return call("torch.bmm", f"{shared.matrix}.expand({shared.shape[0]}, -1, -1)", right)
        return call("torch.bmm", left, f"{shared.matrix}.expand({shared.shape[0]}, -1, -1)")

    def converted(self, operand: str, like: str) -> str:
        """Products of matrices want one dtype."""
        return f"{operand}.to({like}.dtype)"

    def conjugate(self, operand: str) -> str:
        """`conj` would hand out lazy views, which NumPy refuses to read."""
        return f"torch.conj_physical({operand})"

    def embed(self, operand: str, rank: int) -> Doc:
        """`diag_embed` takes the diagonal from the last axis."""
        if rank > 1:
            operand = f"{operand}.permute({', '.join(map(str, (*range(1, rank), 0)))})"
        return call("torch.diag_embed", operand, "dim1=0", "dim2=1")

    def broadcast(self, operand: str, shape: Sequence[str]) -> Doc:
        """`expand` is a view; the schedule wants it filled in."""
        return Group(f"{operand}.expand(", tuple(shape), ").contiguous()")

    def repeat(self, writer: Writer, loop: LoopText, write_body: Callable[[], None]) -> None:
        """A `for` loop, which `torch.compile` and `torch.export` unroll."""
        write_for(writer, loop, write_body)


class TorchEmitter:
    """Emits PyTorch modules."""

    traits = Traits()

    def emit(self, plan: Plan) -> str:
        """The text of a module with one ``nn.Module``."""
        refuse(plan, _AXES)
        schedule = plan.schedule
        dialect = TorchDialect()
        name = class_name(schedule.name, dialect.reserved)
        output = f"{name}Output"
        body = Body(plan, dialect, depth=2, reserved=(name, output))
        _refuse_complex_inputs(body)
        _restore_seeded(body)
        results = body.write()
        result_type = write_return(body, results, output, _TENSOR)

        rest = Writer()
        exported = [
            "CORES",
            *(["SEEDED"] if _seeded_keys(schedule) else []),
            name,
            *([output] if result_type == output else []),
        ]
        rest.line(Group("__all__ = [", tuple(f'"{name}"' for name in exported), "]", display=True))
        rest.blank()
        write_cores(rest, schedule.stacks)
        if keys := _seeded_keys(schedule):
            rest.blank()
            rest.line("# Buffers that are drawn from seeds and saved nowhere.")
            rest.line(Group("SEEDED = (", tuple(keys), ",)" if len(keys) == 1 else ")", display=True))
        for helper in body.scalars.definitions():
            rest.blank(2)
            rest.text(helper)
        rest.blank(2)
        if result_type == output:
            write_result_type(rest, output, schedule, _TENSOR)
            rest.blank(2)
            _write_registration(rest, output)
            rest.blank(2)
        if _may_share(schedule):
            several = f"{output}(*(tensor.clone() for tensor in result))"
            write_decorator(rest, result_type, "result.clone()" if result_type == _TENSOR else several)
            rest.blank(2)
        _write_class(rest, name, result_type, plan, body)
        for helper in (*_fillers(schedule), *([HELPERS] if _may_share(schedule) else [])):
            rest.blank(2)
            rest.text(helper)

        writer = Writer()
        writer.text(docstring(plan, "PyTorch", _usage(schedule, name)))
        write_imports(writer, _IMPORTS, rest.finish())
        writer.blank()
        writer.include(rest)
        return writer.finish()


def _write_registration(writer: Writer, output: str) -> None:
    """Write the line that lets ``torch.export.save`` name the type of results; no public function does."""
    writer.line("# The name by which `torch.export` saves and loads this type.")
    writer.line(call("_pytree._register_namedtuple", output, f'serialized_type_name=f"{{__name__}}.{output}"'))


def _may_share(schedule: Schedule) -> bool:
    """Whether results depend on the cores alone, so that calls can share them."""
    return bool(schedule.stacks) and not schedule.inputs


def _scalars(schedule: Schedule) -> list[str]:
    """The keys, quoted, of the cores without axes that have a parameter of their own."""
    return [f'"{stack.key}"' for stack in schedule.stacks if not stack.stacked and not stack.shape]


def _refuse_complex_inputs(body: Body) -> None:
    """Write an error for complex inputs where they have no meaning; the constructor has that for cores."""
    real = real_only(body.schedule)
    found = [f"{text}.is_complex()" for name, text in body.inputs.items() if name in real.sources]
    if found:
        with body.opening.block(f"if {' or '.join(found)}:"):
            body.opening.line(call("raise TypeError", f'"complex numbers have no {", ".join(real.functions)}"'))


def _restore_seeded(body: Body) -> None:
    """Write what draws seeded buffers that are still on the meta device although the rest was loaded."""
    keys = [stack.key for stack in body.schedule.stacks if stack.seeded]
    if keys and len(keys) < len(body.schedule.stacks):
        with body.opening.block(f"if self.{keys[0]}.is_meta:"):
            body.opening.line("self._draw_seeded()")


def _usage(schedule: Schedule, name: str) -> list[str]:
    inputs = ", ".join(field_names([given.name for given in schedule.inputs]))
    outputs = ", ".join(field_names([result.name for result in schedule.results]))
    return [f"network = {name}()", f"{outputs} = network({inputs})"]


def _write_class(writer: Writer, name: str, result_type: str, plan: Plan, body: Body) -> None:
    schedule = plan.schedule
    buffers = [stack for stack in schedule.stacks if stack.frozen]
    with writer.block(f"class {name}(nn.Module):"):
        writer.line(f'"""The network `{schedule.name}` with its trainable cores."""')
        writer.blank()
        for stack in buffers:
            writer.line(f"{stack.key}: torch.Tensor")
        if buffers:
            writer.blank()
        parameters = [f"{text}: torch.Tensor" for text in body.inputs.values()]
        if _may_share(schedule):
            writer.line("@_shared")
        with writer.block(Group("def forward(", ("self", *parameters), f") -> {result_type}:")):
            summary = ", ".join(f"`{result.name}`" for result in schedule.results)
            writer.line(f'"""Compute {summary}."""')
            writer.include(body.writer)
        writer.blank()
        _write_constructor(writer, schedule)
        writer.blank()
        if schedule.stacks:
            _write_reset(writer, plan)
            writer.blank()
        if _seeded_keys(schedule):
            _write_draw_seeded(writer, schedule)
            writer.blank()
        writer.line(SAME)
        writer.blank()
        if not schedule.inputs:
            write_cached(writer, schedule.stacks, result_type)
            writer.blank()
        if any(stack.is_complex for stack in schedule.stacks):
            again = "        super()._apply(apply, recurse)\n        self._draw_seeded()\n        return self\n"
            plain = "        return super()._apply(apply, recurse)\n"
            writer.text(_APPLY.replace(plain, again) if _seeded_keys(schedule) else _APPLY)
            writer.blank()
        elif _seeded_keys(schedule):
            writer.text(_APPLY_SEEDED)
            writer.blank()
        writer.text(_CORES)
        writer.blank()
        writer.text(_LOAD_STORED if _seeded_keys(schedule) else _LOAD)
        if scalars := _scalars(schedule):
            writer.blank()
            _write_loading(writer, scalars)


def _write_loading(writer: Writer, scalars: Sequence[str]) -> None:
    """Write the method by which weights load that were saved before scalars had an axis."""
    parameters = ("self", "state_dict: dict[str, Any]", "prefix: str", "*rest: Any")
    with writer.block(Group("def _load_from_state_dict(", parameters, ") -> None:")):
        writer.line('"""Accept scalars without the axis that they are stored with, as in older files."""')
        with writer.block(Group("for key in (", tuple(scalars), ",):" if len(scalars) == 1 else "):")):
            writer.line("value = state_dict.get(prefix + key)")
            with writer.block("if torch.is_tensor(value) and value.ndim == 0:"):
                writer.line("state_dict[prefix + key] = value.reshape(1)")
        writer.line("super()._load_from_state_dict(state_dict, prefix, *rest)")


def _write_constructor(writer: Writer, schedule: Schedule) -> None:
    parameters = (
        "self",
        "*",
        "device: torch.device | str | None = None",
        "dtype: torch.dtype | None = None",
        "generator: torch.Generator | None = None",
    )
    with writer.block(Group("def __init__(", parameters, ") -> None:")):
        writer.line("super().__init__()")
        if not schedule.stacks:
            return
        writer.blank()
        real = real_only(schedule)
        if any(stack.key in real.sources for stack in schedule.stacks):
            with writer.block("if dtype is not None and dtype.is_complex:"):
                writer.line(call("raise TypeError", f'"complex numbers have no {", ".join(real.functions)}"'))
            writer.blank()
        has_complex = any(stack.is_complex for stack in schedule.stacks)
        further = ", dtype: torch.dtype | None = dtype" if has_complex else ""
        with writer.block(f"def empty(*shape: int{further}) -> torch.Tensor:"):
            writer.line("return torch.empty(shape, device=device, dtype=dtype)")
        writer.blank()
        if has_complex:
            writer.line(
                call(
                    "complex_dtype = torch.promote_types",
                    "dtype or torch.get_default_dtype()",
                    "torch.complex64",
                )
            )
        for stack in schedule.stacks:
            sizes = [str(size) for size in stack.stored_shape]
            tensor = call("empty", *sizes, *(["dtype=complex_dtype"] if stack.is_complex else []))
            if stack.frozen:
                transient = ["persistent=False"] if stack.seeded else []
                writer.line(call("self.register_buffer", f'"{stack.key}"', tensor, *transient))
            else:
                writer.line(prefixed(f"self.{stack.key} = ", call("nn.Parameter", tensor)))
        writer.line("self.reset_parameters(generator)")


def _write_reset(writer: Writer, plan: Plan) -> None:
    stacks = plan.schedule.stacks
    writer.line("@torch.no_grad()")
    with writer.block("def reset_parameters(self, generator: torch.Generator | None = None) -> None:"):
        writer.line('"""Draw all cores anew; on the meta device there is nothing to draw."""')
        first = next((stack for stack in stacks if not stack.seeded), stacks[0])
        with writer.block(f"if self.{first.key}.is_meta:"):
            writer.line("return")
        for stack in stacks:
            for run in runs(stack) if not stack.seeded else ():
                _write_fill(writer, stack, run)
        if _seeded_keys(plan.schedule):
            writer.line("self._draw_seeded()")


def _seeded_keys(schedule: Schedule) -> list[str]:
    """The keys, quoted, of the stacks that are drawn from seeds."""
    return [f'"{stack.key}"' for stack in schedule.stacks if stack.seeded]


def _write_draw_seeded(writer: Writer, schedule: Schedule) -> None:
    """Write the method that draws the buffers that no file of weights has."""
    from_seeds = [stack for stack in schedule.stacks if stack.seeded]
    others = [stack for stack in schedule.stacks if not stack.seeded]
    first = f"self.{from_seeds[0].key}"
    writer.line("@torch.jit.unused")
    writer.line("@torch.no_grad()")
    with writer.block("def _draw_seeded(self) -> None:"):
        writer.line('"""Draw the constants that depend on nothing but their seeds and names."""')
        with writer.block(f"if {first}.is_meta:"):
            if others:
                writer.line(f"device = self.{others[0].key}.device")
                with writer.block('if device.type == "meta":'):
                    writer.line("return")
                with writer.block("for key in SEEDED:"):
                    writer.line("empty = torch.empty_like(getattr(self, key), device=device)")
                    writer.line("setattr(self, key, empty)")
            else:
                writer.line("return")
        for stack in from_seeds:
            for run in runs(stack):
                _write_seeded(writer, stack, run)


def _write_seeded(writer: Writer, stack: Stack, run: Run) -> None:
    found = seeded.names(stack, run)
    target = _target(stack, run)
    match run.fill:
        case Normal(std):
            writer.line(call("_seeded_normal", target, found, str(run.seed), number_text(std)))
        case Uniform(low, high):
            bounds = number_text(low), number_text(high)
            writer.line(call("_seeded_uniform", target, found, str(run.seed), *bounds))
        case Identity(noise):
            sides = str(run.rows), str(run.columns)
            writer.line(call("_seeded_identity", target, found, *sides, str(run.seed), number_text(noise)))
        case _:
            raise InternalError(f"{run.fill} is not drawn from a seed")


def _target(stack: Stack, run: Run) -> str:
    target = f"self.{stack.key}"
    if run.whole:
        return target
    return f"{target}[{run.start}]" if run.stop == run.start + 1 else f"{target}[{run.start}:{run.stop}]"


def _write_fill(writer: Writer, stack: Stack, run: Run) -> None:
    target = _target(stack, run)
    sides = (str(run.rows), str(run.columns))
    match run.fill:
        case Normal(std):
            writer.line(call(f"{target}.normal_", f"std={number_text(std)}", "generator=generator"))
        case Uniform(low, high):
            bounds = number_text(low), number_text(high)
            writer.line(call(f"{target}.zero_().real.uniform_", *bounds, "generator=generator"))
        case Constant(value):
            writer.line(f"{target}.fill_({number_text(value)})")
        case Orthogonal(gain):
            writer.line(call("_fill_orthogonal", target, *sides, number_text(gain), "generator"))
        case Identity(noise):
            writer.line(call("_fill_identity", target, *sides, number_text(noise), "generator"))
        case Entries(values):
            writer.line(prefixed("entries = ", call("torch.tensor", numbers(values), "dtype=torch.float64")))
            plain = len(stack.shape) == 1 and in_one_row(values)
            reshaped = "entries" if plain else call("entries.reshape", *map(str, stack.shape))
            writer.line(call(f"{target}.copy_", reshaped if stack.shape else "entries[0]"))
        case _:
            assert_never(run.fill)


def _fillers(schedule: Schedule) -> list[str]:
    """The helper functions that initialisation needs."""
    fills = {type(run.fill) for stack in schedule.stacks if not stack.seeded for run in runs(stack)}
    helpers = ((Orthogonal, _FILL_ORTHOGONAL), (Identity, _FILL_IDENTITY))
    from_seeds = {type(run.fill).__name__ for stack in schedule.stacks if stack.seeded for run in runs(stack)}
    return [*(text for kind, text in helpers if kind in fills), *seeded.helpers(from_seeds, torch=True)]
