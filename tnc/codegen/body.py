"""The steps of a Schedule as assignments: everything that the backends have in common, which is nearly all.

A backend is a :class:`Dialect`: its words for the few operations whose names differ, and its way to write a loop.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol, assert_never

from tnc.codegen.layout import Doc, Group, Terms, call, prefixed, tuple_of
from tnc.codegen.names import Names
from tnc.codegen.reads import Usage, advancing, reads, usage
from tnc.codegen.scalars import Functions, ScalarWriter, number_text
from tnc.codegen.writer import Writer
from tnc.ir.extent import Extent, Product
from tnc.ir.schedule import (
    Add,
    Broadcast,
    Conjugate,
    Crop,
    Diagonal,
    Embed,
    Index,
    Look,
    Matmul,
    Move,
    Multiply,
    Normalize,
    Number,
    Pointwise,
    Read,
    Reduce,
    Repeat,
    Scale,
    Schedule,
    Stack,
    Step,
)
from tnc.units import flops_text

_LEGS_SHOWN = 40
_FLOPS_SHOWN = 10_000
_REGION_TEXT = 160
_RUNS_FROM_RANK = 7


class Dialect(Protocol):
    """What differs between frameworks."""

    functions: Functions
    permute: str  # the method that reorders axes
    solid: str  # what makes a view contiguous, as a suffix
    walks_members: bool  # a loop walks along unstacked members (else along slices of the whole)

    def stack(self, stack: Stack) -> tuple[str, bool]:
        """The text of a stack's tensor, and whether it deserves a local name."""
        ...

    def unstack(self, tensor: str, axis: int) -> str | None:
        """The text of the tuple of all entries along an axis; None where indexing one by one is as good."""
        ...

    def along(self, tensor: str, axis: int) -> str:
        """The text of a tensor with this axis first, to be walked along."""
        ...

    def number(self, value: str, reference: str | None) -> Doc:
        """A scalar tensor, of the reference's dtype if there is one."""
        ...

    def embed(self, operand: str, rank: int) -> Doc:
        """The first axis of an operand of this rank as the diagonal of the first two."""
        ...

    def broadcast(self, operand: str, shape: Sequence[str]) -> Doc:
        """The operand repeated up to a shape."""
        ...

    def repeat(self, body: Body, step: Step, operation: Repeat) -> None:
        """Write a loop."""
        ...


class Body:
    """Writes the inside of ``forward`` or ``apply``. Names of tensors, once given, do not change."""

    def __init__(self, schedule: Schedule, dialect: Dialect, depth: int, reserved: Sequence[str] = ()) -> None:
        self.schedule = schedule
        self.dialect = dialect
        self.writer = Writer(depth)
        helpers = (*dialect.functions.helpers, "snake", "rational")
        self.names = Names((*reserved, *helpers))
        self.scalars = ScalarWriter(dialect.functions, self.names)
        self.inputs = {given.name: self.names.fresh(given.name) for given in schedule.inputs}
        self._usage: Usage = usage(schedule)
        self._regions = {region.name: region.text for region in schedule.regions}
        self._shapes: dict[str, tuple[Extent, ...]] = {given.name: given.shape for given in schedule.inputs}
        self._sizes: dict[str, str] = {}
        self._whole: dict[str, str] = dict(self.inputs)
        self._members: dict[tuple[str, int], str] = {}
        self._walked: dict[tuple[str, int, Index], str] = {}

    def write(self) -> None:
        """Everything from the checks of the inputs to the ``return``."""
        for given in self.schedule.inputs:
            self._check(given.name, given.shape)
        for given in self.schedule.inputs:
            self._name_members(given.name)
        for stack in self.schedule.stacks:
            self._open(stack)
        region = None
        for step in self.schedule.steps:
            if step.region != region:
                self._announce(step.region)
                region = step.region
            self.step(step)

    def returned(self) -> list[Doc]:
        """The text of every result, in order."""
        return [self.read(result.read) for result in self.schedule.results]

    # -- inputs and parameters -----------------------------------------------------------------

    def _check(self, name: str, shape: tuple[Extent, ...]) -> None:
        """Refuse an input of another shape, and name its dynamic sizes."""
        text = self.inputs[name]
        shown = ", ".join(str(dim) for dim in shape) + ("," if len(shape) == 1 else "")
        leading = next((axis for axis, dim in enumerate(shape) if isinstance(dim, int)), len(shape))
        fixed = all(isinstance(dim, int) for dim in shape[leading:])
        if fixed and leading < len(shape):
            sliced = f"[{leading}:]" if leading else ""
            condition: Doc = prefixed(f"if {text}.shape{sliced} != ", self._tuple(shape[leading:]))
        else:
            tests = [f"{text}.ndim != {len(shape)}"]
            tests += [f"{text}.shape[{axis}] != {dim}" for axis, dim in enumerate(shape) if isinstance(dim, int)]
            condition = f"if {' or '.join(tests)}"
        with self.writer.block(_suffixed(condition, ":")):
            message = f'f"{text} has shape {{tuple({text}.shape)}}, not ({shown})"'
            self.writer.line(call("raise ValueError", message))
        for axis, dim in enumerate(shape):
            if isinstance(dim, str) and dim in self._sizes:
                with self.writer.block(f"if {text}.shape[{axis}] != {self._sizes[dim]}:"):
                    self.writer.line(
                        call("raise ValueError", f'f"{text} has another {dim} than {{{self._sizes[dim]}}}"')
                    )
            elif isinstance(dim, str):
                self._sizes[dim] = self.names.fresh(dim, "size")
                self.writer.line(f"{self._sizes[dim]} = {text}.shape[{axis}]")

    def _open(self, stack: Stack) -> None:
        """Give a stack a local name, and its members one, if the steps use them."""
        key = stack.key
        length = (len(stack.members),) if stack.stacked else ()
        self._shapes[key] = (*length, *stack.shape)
        tensor, wants_name = self.dialect.stack(stack)
        unstacked = self._unstacked(key, 0)
        walks = (key, 0) in self._usage.walked
        whole = key in self._usage.whole or (walks and not self.dialect.walks_members)
        whole = whole or (bool(self._usage.picked[key, 0]) and not unstacked)
        if whole and wants_name:
            self._whole[key] = self.names.fresh(key)
            self.writer.line(f"{self._whole[key]} = {tensor}")
            tensor = self._whole[key]
        elif whole:
            self._whole[key] = tensor
        if unstacked:
            self._members[key, 0] = self.names.fresh(key)
            self.writer.line(f"{self._members[key, 0]} = {self.dialect.unstack(tensor, 0)}")

    def _unstacked(self, source: str, axis: int) -> bool:
        several = self._usage.picked[source, axis] > 1
        walked = (source, axis) in self._usage.walked and self.dialect.walks_members
        return (several or walked) and self.dialect.unstack("", axis) is not None

    def _name_members(self, source: str) -> None:
        """After the definition of a value or an input: name its entries along the axes on which steps pick them."""
        for axis in self._usage.axes(source):
            if self._unstacked(source, axis):
                name = self.names.fresh(f"{self._whole[source]}_entries")
                self._members[source, axis] = name
                self.writer.line(f"{name} = {self.dialect.unstack(self._whole[source], axis)}")

    # -- steps ---------------------------------------------------------------------------------

    def _announce(self, region: str) -> None:
        text = self._regions.get(region, region)
        if len(text) > _REGION_TEXT:
            text = text[: _REGION_TEXT - 4] + " ..."
        self.writer.blank()
        if text:
            self.writer.comment(text)

    def step(self, step: Step, target: str | None = None) -> None:
        """One assignment, to ``target`` if it is given; a loop where the Schedule repeats."""
        if isinstance(step.operation, Repeat):
            self.dialect.repeat(self, step, step.operation)
        else:
            target = target or self.names.fresh(step.name)
            operands = reads(step.operation)
            texts = [self.read(operand) for operand in operands]
            if not self.writer.fits(prefixed(f"{target} = ", self._expression(step, texts))):
                texts = [self._staged(step.name, operand) for operand in operands]
            self.writer.line(prefixed(f"{target} = ", self._expression(step, texts)), self._remark(step))
            self.define(step.name, step.shape, target)

    def last_step(self, step: Step, target: str) -> None:
        """The last step of a loop's body, which defines what is carried on."""
        if isinstance(step.operation, Repeat):
            self.step(step)
            self.writer.line(f"{target} = {self._whole[step.name]}")
        else:
            self.step(step, target)

    def define(self, name: str, shape: tuple[Extent, ...], text: str) -> None:
        """From here on, a value of the Schedule is known under a name of the text."""
        self._whole[name] = text
        self._shapes[name] = shape
        self._name_members(name)

    def walk(self, operation: Repeat) -> list[tuple[str, str]]:
        """For every read of a body that advances: the name of its entry in the body, and what is walked along."""
        pairs: list[tuple[str, str]] = []
        for read in advancing(operation.body):
            assert read.pick is not None
            axis, index = read.pick
            source = self._members.get((read.source, axis)) if self.dialect.walks_members else None
            if source is None:
                source = self.dialect.along(self._whole[read.source], axis)
            length = self._shapes[read.source][axis]
            entry = self.names.fresh(self._entry_name(read.source))
            self._walked[read.source, axis, index] = entry
            pairs.append((entry, source + slice_text(index, operation.count, length)))
        return pairs

    def _entry_name(self, source: str) -> str:
        for stack in self.schedule.stacks:
            if stack.key == source:
                return f"{stack.members[0].name.rpartition('.')[2].partition('[')[0]}_k"
        return f"{source}_k"

    def _staged(self, name: str, read: Read) -> str:
        """An operand on lines of its own, where its step would be too long with it."""
        text = self._picked(read)
        if text == self.read(read):
            return text
        target = self.names.fresh(f"{name}_view")
        if self._shapes_differ(read):
            self.writer.line(prefixed(f"{target} = ", call(f"{text}.reshape", *self._dims(read.shape))))
            text = target
        if read.order is not None:
            axes = [str(axis) for axis in read.order]
            self.writer.line(prefixed(f"{target} = ", call(f"{text}.{self.dialect.permute}", *axes)))
        return target

    def read(self, read: Read) -> str:
        """A read as an expression that binds like a name."""
        text = self._picked(read)
        if self._shapes_differ(read):
            text = f"{text}.reshape({', '.join(self._dims(read.shape)) or '()'})"
        if read.order is None:
            return text
        if read.order == (1, 0):
            return f"{text}.T"
        return f"{text}.{self.dialect.permute}({', '.join(map(str, read.order))})"

    def _picked(self, read: Read) -> str:
        if read.pick is None:
            return self._whole[read.source]
        axis, index = read.pick
        if index.step:
            return self._walked[read.source, axis, index]
        members = self._members.get((read.source, axis))
        if members is not None:
            return f"{members}[{index.start}]"
        return f"{self._whole[read.source]}[{':, ' * axis}{index.start}]"

    def _shapes_differ(self, read: Read) -> bool:
        shape = self._shapes[read.source]
        if read.pick is not None:
            shape = shape[: read.pick[0]] + shape[read.pick[0] + 1 :]
        return shape != read.shape

    def _extent(self, extent: Extent) -> str:
        match extent:
            case int():
                return str(extent)
            case str():
                return self._sizes[extent]
            case Product(factor, names):
                sizes = [self._sizes[name] for name in names]
                return " * ".join(sizes if factor == 1 else [*sizes, str(factor)])
            case _:
                assert_never(extent)

    def _dims(self, shape: tuple[Extent, ...]) -> list[str]:
        """A shape as arguments; long runs of one number as ``*[2] * 18``."""
        texts = [self._extent(extent) for extent in shape]
        if len(texts) < _RUNS_FROM_RANK:
            return texts
        runs: list[list[str]] = []
        for text in texts:
            if runs and runs[-1][0] == text:
                runs[-1].append(text)
            else:
                runs.append([text])
        return [part for run in runs for part in (run if len(run) < 4 else [f"*[{run[0]}] * {len(run)}"])]

    def _tuple(self, shape: tuple[Extent, ...]) -> Group:
        return tuple_of(self._dims(shape))

    # -- expressions ---------------------------------------------------------------------------

    def _remark(self, step: Step) -> str:
        legs = ", ".join(step.legs)
        legs = legs if len(legs) <= _LEGS_SHOWN else f"{len(step.legs)} legs"
        cost = f"{flops_text(step.cost.flops)}FLOP" if step.cost.flops >= _FLOPS_SHOWN else ""
        return "; ".join(filter(None, (legs, cost)))

    def _expression(self, step: Step, texts: Sequence[str]) -> Doc:
        operation = step.operation
        match operation:
            case Number(value):
                return self.dialect.number(number_text(value), self._reference())
            case Matmul():
                return Terms("", texts[0], (("@", texts[1]),))
            case Multiply():
                return Terms("", texts[0], (("*", texts[1]),))
            case Add(terms):
                return _sum([coefficient for coefficient, _ in terms], texts)
            case Scale(factor=factor):
                return f"{number_text(factor)} * {texts[0]}" if factor != -1 else f"-{texts[0]}"
            case Reduce(axes=axes):
                return _reduction(texts[0], axes, len(operation.operand.seen))
            case Diagonal():
                return self._diagonal(texts[0], len(operation.operand.seen))
            case Embed():
                if "embed" in self.dialect.functions.helpers:
                    self.scalars.need("embed")
                return self.dialect.embed(texts[0], len(operation.operand.seen))
            case Broadcast():
                return self.dialect.broadcast(texts[0], self._dims(step.shape))
            case Move():
                return texts[0] + self.dialect.solid
            case Look():
                return texts[0]
            case Crop():
                return _crop(texts[0], operation.operand.seen, step.shape)
            case Conjugate():
                return f"{texts[0]}.conj()"
            case Pointwise(function=function):
                return self.scalars.apply(function, operation.function_name, texts)
            case Normalize(axes=axes, epsilon=epsilon):
                self.scalars.need("rms")
                return call("rms", texts[0], tuple_of([str(axis) for axis in axes]), number_text(epsilon))
            case Repeat():
                raise AssertionError("a loop is no expression")
            case _:
                assert_never(operation)

    def _reference(self) -> str | None:
        """A tensor whose dtype and place are those of the network."""
        if self.schedule.stacks:
            return self.dialect.stack(self.schedule.stacks[0])[0]
        return next(iter(self.inputs.values()), None)

    def _diagonal(self, text: str, rank: int) -> str:
        """The new axis comes last in every framework, and must come first."""
        diagonal = f"{text}.diagonal()"
        if rank > 2:
            order = (rank - 2, *range(rank - 2))
            diagonal += f".{self.dialect.permute}({', '.join(map(str, order))})"
        return diagonal + self.dialect.solid


def write_loop(body: Body, step: Step, operation: Repeat) -> None:
    """A ``for`` statement; what is carried, what the body ends with and the result are one variable."""
    carried = body.names.fresh(step.name)
    initial = body.read(operation.initial)
    body.writer.line(f"{carried} = {initial}")
    body.define(operation.carried, step.shape, carried)
    pairs = body.walk(operation)
    match pairs:
        case []:
            header: Doc = f"for _ in range({operation.count}):"
        case [(entry, source)]:
            header = f"for {entry} in {source}:"
        case _:
            entries = ", ".join(entry for entry, _ in pairs)
            header = Group(f"for {entries} in zip(", tuple(source for _, source in pairs), "):")
    with body.writer.block(header):
        for inner in operation.body[:-1]:
            body.step(inner)
        body.last_step(operation.body[-1], carried)
    body.define(step.name, step.shape, carried)


def slice_text(index: Index, count: int, length: Extent) -> str:
    """The subscript that takes ``count`` entries from ``index`` on; empty if these are all of them, in order."""
    start, step = index.start, index.step
    last = start + step * (count - 1)
    if step > 0:
        first = str(start) if start else ""
        stop = str(last + 1) if last + 1 != length else ""
    else:
        first = str(start) if start + 1 != length else ""
        stop = str(last - 1) if last else ""
    by = f":{step}" if step != 1 else ""
    return f"[{first}:{stop}{by}]" if first or stop or by else ""


def _suffixed(doc: Doc, suffix: str) -> Doc:
    match doc:
        case str():
            return doc + suffix
        case Group(tail=tail):
            return replace(doc, tail=tail + suffix)
        case Terms():
            raise AssertionError("no statement of this kind ends so")
        case _:
            assert_never(doc)


def _sum(coefficients: Sequence[float], texts: Sequence[str]) -> Terms:
    parts: list[tuple[str, str]] = []
    for coefficient, text in zip(coefficients, texts, strict=True):
        size = abs(coefficient)
        parts.append(("-" if coefficient < 0 else "+", text if size == 1 else f"{number_text(size)} * {text}"))
    sign, first = parts[0]
    return Terms("", first if sign == "+" else f"-{first}", tuple(parts[1:]))


def _reduction(text: str, axes: tuple[int, ...], rank: int) -> Doc:
    if not axes:
        return text
    if len(axes) == rank:
        return f"{text}.sum()"
    if len(axes) == 1:
        return f"{text}.sum({axes[0]})"
    return call(f"{text}.sum", tuple_of([str(axis) for axis in axes]))


def _crop(text: str, shape: tuple[Extent, ...], kept: tuple[Extent, ...]) -> Doc:
    """Slices for the axes up to the last that really loses entries."""
    slices = [":" if before == after else f":{after}" for before, after in zip(shape, kept, strict=True)]
    while slices and slices[-1] == ":":
        slices.pop()
    return Group(f"{text}[", tuple(slices), "]") if slices else text
