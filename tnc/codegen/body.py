"""The steps of a Schedule as assignments: what the backends have in common."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TypeAlias

from tnc.codegen.authors import Authors
from tnc.codegen.checks import write_checks
from tnc.codegen.dialect import Dialect
from tnc.codegen.documents import Doc, Group, flat, prefixed, tuple_of
from tnc.codegen.expressions import Expressions, slice_text
from tnc.codegen.inlining import counted, is_applied_next, views_read_once
from tnc.codegen.loops import LoopText, for_header
from tnc.codegen.names import Names
from tnc.codegen.parameters import stack_uses
from tnc.codegen.reads import advancing, all_steps, last_uses, usage
from tnc.codegen.remarks import Remarks
from tnc.codegen.rolling import Item, Rolled, Walk, first_sizes, in_turn, roll_text, walked_sizes
from tnc.codegen.scalars import ScalarWriter
from tnc.codegen.variables import Variables
from tnc.codegen.views import Views
from tnc.codegen.writer import Writer
from tnc.cost.dtypes import itemsize
from tnc.ir.activations import COMPOSITES
from tnc.ir.extent import Extent, count
from tnc.ir.number_kinds import NumberKind, schedule_kinds
from tnc.ir.reads import reads
from tnc.ir.schedule import (
    Contiguous,
    InputTensor,
    Loop,
    NamedView,
    Plan,
    Pointwise,
    Read,
    Schedule,
    Slice,
    Stack,
    Step,
)
from tnc.ir.traits import SWEEP
from tnc.units import bytes_text

# Values below either bound are left to the end of the function: deleting them is not worth a line.
_LARGE = 2**16
_LARGE_SHARE = 64
_LIKELY_SIZE = 64

_Freed: TypeAlias = tuple[str, int]
"""A variable and the bytes of the value in it."""

_LONGEST_INLINE = 56
"""Characters of a view that is written where it is read."""


class Body:
    """Writes the inside of ``forward`` or ``apply``."""

    def __init__(self, plan: Plan, dialect: Dialect, depth: int, reserved: Sequence[str] = ()) -> None:
        schedule = plan.schedule
        self._kept = frozenset(result.read.source for result in schedule.results)
        lowers_sweeps = SWEEP not in plan.traits.kernels
        schedule = replace(schedule, steps=in_turn(schedule.steps, self._kept, lowers_sweeps=lowers_sweeps))
        self.schedule = schedule
        self.dialect = dialect
        self.opening = Writer(depth)  # what a backend puts before the checks of the inputs
        self.writer = Writer(depth)
        self.names = Names((*reserved, *dialect.reserved, *dialect.functions.helpers, *COMPOSITES))
        self.scalars = ScalarWriter(dialect.functions, self.names)
        self.inputs = {given.name: self.names.fresh(given.name) for given in schedule.inputs}
        self._kinds = schedule_kinds(schedule)
        self._usage = usage(schedule)
        self._sizes = {name: self.names.fresh(name, "size") for name in _dynamic_sizes(schedule.inputs)}
        self._authors = Authors(schedule, (*self.inputs.values(), *self._sizes.values()))
        self._remarks = Remarks(schedule.steps)
        self._variables = Variables(self.names)
        self._homes: dict[str, list[str]] = {}  # the variables that hold a value or views of it
        self._bytes = _large_values(schedule, plan.dtype) if dialect.frees else dict[str, int]()
        self._count = counted(schedule.steps, schedule.results)
        self._inlined = frozenset[str]()
        self._views = Views(dialect.permute, self._sizes)
        self._nominal = dict(schedule.sizes)
        self._expressions = Expressions(
            dialect, self.scalars, self._views, self._reference(), self._nominal, self._kinds
        )

    def write(self) -> list[str]:
        """Everything before the ``return``; the text of every result, in order."""
        schedule = self.schedule
        for given in schedule.inputs:
            self._define(given.name, given.shape, self.inputs[given.name])
        self._open_stacks()
        shapes = {given.name: given.shape for given in schedule.inputs}
        shapes.update((stack.key, stack.stored_shape) for stack in schedule.stacks)
        items = roll_text(schedule.steps, shapes, self._kept, self._kinds, self._nominal)
        self._inlined = views_read_once(items, schedule.results, self._count, copies_are_views=not self.dialect.solid)
        self._steps(items, self._kept)
        results = [self._views.read(result.read) for result in schedule.results]
        used = self._views.sizes_used
        write_checks(self.opening, schedule.inputs, self.inputs, self._sizes, used, self.dialect.check_index)
        self.opening.include(self.writer)
        self.writer = self.opening
        return results

    def _write_loop_body(self, loop: LoopText) -> None:
        """The steps inside a loop; the last one assigns the variable that is carried."""
        body = loop.operation.body
        outer, self._inlined = self._inlined, frozenset[str]()
        self._steps(body, frozenset(), carried=loop.operation.carried, final=loop.carried)
        self._inlined = outer
        for step in body:
            self._release(step.name)

    # -- tensors and their members -------------------------------------------------------------

    def _reference(self) -> str | None:
        """A tensor whose dtype and device are those of the network: not a core that is complex whatever the dtype."""
        stacks = sorted(self.schedule.stacks, key=lambda stack: stack.is_complex)
        if stacks and not stacks[0].is_complex:
            return self.dialect.stack(stacks[0])
        numbers = [self.inputs[given.name] for given in self.schedule.inputs if given.values is None]
        if numbers:
            return numbers[0]
        return f"{self.dialect.stack(stacks[0])}.real" if stacks else None

    def _open_stacks(self) -> None:
        """See each stack in the shape that its uses want; one that is read more than once gets a local name."""
        uses = stack_uses(self.schedule)
        for stack in self.schedule.stacks:
            self._open(stack, uses[stack.key].uses, uses[stack.key].shape)

    def _open(self, stack: Stack, uses: int, shape: tuple[Extent, ...]) -> None:
        key = stack.key
        text = self.dialect.stack(stack)
        if shape != stack.stored_shape:
            text = f"{text}.reshape({', '.join(self._views.dims(shape)) or '()'})"
        unstacked = self._is_unstacked(key, 0)
        if unstacked:
            self._views.define(key, shape, text)
            self._name_members(key, 0, self._authors.stack_name(stack))
            if key not in self._usage.whole:
                return
        if uses > 1:
            name = self.names.fresh(self._authors.stack_name(stack))
            self.writer.line(f"{name} = {text}")
            text = name
        self._views.define(key, shape, text)

    def _define(self, name: str, shape: tuple[Extent, ...], text: str) -> None:
        """From here on, a tensor is known under a name of the text; its entries too, where steps pick several."""
        self._views.define(name, shape, text)
        for axis in self._usage.axes(name):
            if self._is_unstacked(name, axis):
                self._name_members(name, axis, f"{text}_entries")

    def _is_unstacked(self, source: str, axis: int) -> bool:
        several = self._usage.picked[source, axis] > 1
        walked = (source, axis) in self._usage.walked and self.dialect.walks_members
        return (several or walked) and self.dialect.unstack("", axis) is not None

    def _name_members(self, source: str, axis: int, wish: str) -> None:
        name = self._variables.take(source, wish)
        self.writer.line(f"{name} = {self.dialect.unstack(self._views.text(source), axis)}")
        self._views.define_members(source, axis, name)
        self._homes.setdefault(source, []).append(name)

    # -- steps ---------------------------------------------------------------------------------

    def _steps(self, steps: Sequence[Item], kept: frozenset[str], carried: str = "", final: str | None = None) -> None:
        """Steps in order, the last one to the variable ``final`` if it is given.

        Variables of these steps (and of what is ``carried`` in) are free again after their last use, if not ``kept``.
        """
        own = {carried, *(step.name for step in steps)} - kept
        ending: dict[int, list[str]] = {}
        for name, use in self._last_uses(steps, kept).items():
            if name in own:
                ending.setdefault(use, []).append(name)
        applied: Step | None = None
        for position, step in enumerate(steps):
            self._announce(step)
            ends = ending.get(position, [])
            is_last = position + 1 == len(steps)
            if isinstance(step, Rolled):
                self._rolled(step, ends)
                continue
            if applied is None and not is_last and self._is_part_of(step, steps[position + 1]):
                applied = step
                ending.setdefault(position + 1, []).extend(ends)
                continue
            self._step(step, applied, final if is_last else None, ends, frees=not is_last or final is not None)
            applied = None

    def _last_uses(self, steps: Sequence[Item], kept: frozenset[str]) -> dict[str, int]:
        """The last use of every value, reads through a view that is written where it is read included."""
        last = last_uses(steps)
        for step in reversed(steps):
            if isinstance(step, Step) and step.name in self._inlined:
                end = len(steps) if step.name in kept else last.get(step.name, -1)
                for read in reads(step.operation):
                    last[read.source] = max(last.get(read.source, -1), end)
        return last

    def _announce(self, step: Item) -> None:
        title = self._authors.title(step)
        if title:
            self.writer.blank()
            self.writer.comment(title)

    def _is_part_of(self, step: Step, after: Item) -> bool:
        """Whether a step is written as the argument of the function in the next one."""
        if (
            isinstance(after, Rolled)
            or isinstance(step.operation, Loop)
            or not is_applied_next(step, after, self._count)
        ):
            return False
        if self._is_view(step) or not self._authors.are_one(step, after) or self._usage.axes(step.name):
            return False
        return self.writer.fits(prefixed("value_name = ", self._applied(step, after) or "x" * 100))

    def _applied(self, step: Step, after: Step) -> Doc | None:
        """A function of an expression; None where the text of its operand is more than one argument of a call."""
        inner = flat(self._expression(step))
        others = [self._views.read(read) for read in reads(after.operation)[1:]]
        outer = self._expressions.expression(after, [inner, *others])
        is_argument = isinstance(outer, Group) and outer.items[:1] == (inner,) and flat(outer).count(inner) == 1
        return outer if is_argument else None

    def _expression(self, step: Step) -> Doc:
        return self._expressions.expression(step, [self._views.read(read) for read in reads(step.operation)])

    def _is_view(self, step: Step) -> bool:
        kinds = (NamedView, Slice) if self.dialect.solid else (NamedView, Slice, Contiguous)
        return isinstance(step.operation, kinds)

    def _step(self, step: Step, applied: Step | None, target: str | None, ends: Sequence[str], *, frees: bool) -> None:
        if isinstance(step.operation, Loop):
            self._repeat(step, step.operation, ends)
            if target:
                self.writer.line(f"{target} = {self._views.text(step.name)}")
            return
        right = self._expression(step) if applied is None else self._applied(applied, step)
        assert right is not None
        if target is None and self._is_view(step) and self._is_inline(step, flat(right)):
            self._see(step, flat(right))
            return
        scratch: list[_Freed] = []
        if applied is None and not self._is_layable(right):
            right = self._expressions.expression(step, self._staged(step, scratch))
        copied = self._copied(step, ends)
        dead = [freed for name in ends for freed in self._release(name)]
        if isinstance(step.operation, Pointwise) and step.operation.in_place:
            dead = [(variable, 0) for variable, _ in dead]  # the result has the memory
        target = target or self._variables.take(step.name, *copied, *self._authors.wishes(step))
        self._homes[step.name] = [target]
        self._variables.share(step.name, target)
        self.writer.line(prefixed(f"{target} = ", right), self._remarks.text(step))
        if frees:
            self._delete([*dead, *scratch], target)
        self._define(step.name, step.shape, target)

    def _is_layable(self, right: Doc) -> bool:
        """Whether an assignment fits on one line, or is a call that can be broken between its arguments."""
        assignment = prefixed("some_name = ", right)
        return self.writer.fits(assignment) or (isinstance(right, Group) and self.writer.can_break(assignment))

    # -- views ---------------------------------------------------------------------------------

    def _is_inline(self, step: Step, text: str) -> bool:
        return text.isidentifier() or (step.name in self._inlined and len(text) <= _LONGEST_INLINE)

    def _see(self, step: Step, text: str) -> None:
        """A view without a variable of its own: it lives in those of its source."""
        self._views.define(step.name, step.shape, text)
        for read in reads(step.operation):
            self._homes[step.name] = list(self._homes.get(read.source, ()))
        for variable in self._homes.get(step.name, ()):
            self._variables.share(step.name, variable)

    def _staged(self, step: Step, scratch: list[_Freed]) -> list[str]:
        """The operands of a step that would be too long, views of them on lines of their own."""
        texts: list[str] = []
        for operand in reads(step.operation):
            text = self._views.read(operand)
            if text != self._views.picked(operand):
                name = self._variables.take(f"{step.name}#view_{len(texts)}", "view")
                for line in self._views.stages(operand, name):
                    self.writer.line(line)
                if operand.source in self._bytes:
                    scratch.append((name, 0))
                text = name
            texts.append(text)
        for number in range(len(texts)):
            self._variables.release(f"{step.name}#view_{number}")
        return texts

    def _copied(self, step: Step, ends: Sequence[str]) -> list[str]:
        """The variable of a value that an intermediate step only sees otherwise or copies, for the last time."""
        if not isinstance(step.operation, NamedView | Contiguous) or step.name == step.region:
            return []
        if not self._authors.is_computed(step):
            return []
        source = step.operation.operand.source
        return self._homes.get(source, [])[:1] if source in ends else []

    # -- lifetimes -----------------------------------------------------------------------------

    def _release(self, name: str) -> list[_Freed]:
        """A value is not read any more: the variables that hold nothing now and held something large."""
        homes = self._homes.pop(name, [])
        self._variables.release(name)
        size = self._bytes.get(name)
        return [] if size is None else [(variable, size) for variable in homes if self._variables.is_free(variable)]

    def _delete(self, freed: Iterable[_Freed], target: str) -> None:
        """Let go of large values; what ``target`` held is gone since it was assigned."""
        found = {variable: size for variable, size in freed if variable != target}
        if found:
            reason = f"frees {bytes_text(sum(found.values()))}" if any(found.values()) else ""
            self.writer.line(f"del {', '.join(found)}", reason)

    # -- loops ---------------------------------------------------------------------------------

    def _repeat(self, step: Step, operation: Loop, ends: Sequence[str]) -> None:
        """A loop. What is carried takes over the variable that it starts from, where nothing else needs that."""
        initial = self._views.read(operation.initial)
        source = operation.initial.source
        sources = tuple(map(self._views.text, self._sources(operation)))
        grows = self._kinds[source] is not self._kinds[operation.carried]
        walks = tuple(self._walks(operation))
        inside = {read.source for inner in all_steps(operation.body) for read in reads(inner.operation)}
        during = [name for name in ends if name in inside]
        takes_over = source in ends and source not in inside and initial == self._views.text(source) and not grows
        own = self._homes.get(source, [])[:1] if takes_over else []
        dead = [freed for name in ends if name not in inside for freed in self._release(name)]
        carried = self._variables.take(operation.carried, *own, *self._authors.wishes(step))
        if not self.dialect.loops_are_functions:
            start = self.dialect.converted(initial, sources[0]) if grows and sources else initial
            if start != carried:
                self.writer.line(f"{carried} = {start}")
            self._delete(dead, carried)
        names = self._function_names(carried, walks) if self.dialect.loops_are_functions else ("", "")
        converts = grows or bool(self.schedule.inputs)
        loop = LoopText(operation, carried, initial, walks, sources, *names, converts=converts)
        self._homes[operation.carried] = [carried]
        self._views.define(operation.carried, step.shape, carried)
        self.dialect.repeat(self.writer, loop, lambda: self._write_loop_body(loop))
        for name in (operation.carried, *during):
            self._release(name)
        for entry, _ in walks:
            self._variables.release(f"{entry}#")
        self._homes[step.name] = [carried]
        self._variables.share(step.name, carried)
        self._define(step.name, step.shape, carried)

    def _rolled(self, loop: Rolled, ends: Sequence[str]) -> None:
        """A ``for`` statement over blocks of steps of which some sizes differ."""
        initial, source = self._views.read(self._start(loop)), loop.start.source
        inside = {
            *(walk.source for walk in loop.walks),
            *(r.source for step in loop.body for r in reads(step.operation)),
        }
        takes_over = source in ends and source not in inside and initial == self._views.text(source)
        own = self._homes.get(source, [])[:1] if takes_over else []
        dead = [freed for name in ends if name not in inside for freed in self._release(name)]
        carried = self._variables.take(loop.carried, *own, *self._authors.wishes(loop))
        if initial != carried:
            self.writer.line(f"{carried} = {initial}")
        self._delete(dead, carried)
        self._homes[loop.carried] = [carried]
        self._views.define(loop.carried, loop.carried_shape, carried)
        self._kinds[loop.carried] = self._kinds[loop.name]
        walked = [self._walk(walk, loop.count) for walk in loop.walks]
        names = {name: self._variables.take(f"{name}#", "size") for name in walked_sizes(loop)}
        values = dict(loop.sizes)
        sizes = [(text, tuple_of([self._views.size(value) for value in values[name]])) for name, text in names.items()]
        self._views.define_sizes(values, names)
        self._nominal.update(first_sizes(loop, self._nominal))
        for step, blocks in zip(loop.body, loop.names, strict=True):
            if large := [self._bytes[name] for name in blocks if name in self._bytes]:
                self._bytes[step.name] = max(large)
        with self.writer.block(for_header([*walked, *sizes], loop.count), self._remarks.flops(loop.flops)):
            self._steps(loop.body, frozenset(), carried=loop.carried, final=carried)
        for name in (loop.carried, *(name for name in ends if name in inside), *(step.name for step in loop.body)):
            if name != loop.name:
                self._release(name)
        for text in (*(entry for entry, _ in walked), *names):
            self._variables.release(f"{text}#")
        self._homes[loop.name] = [carried]
        self._variables.share(loop.name, carried)
        self._define(loop.name, loop.final.shape, carried)

    def _start(self, loop: Rolled) -> Read:
        """What a loop starts from, as it is."""
        shape = self._views.shape(loop.start.source)
        if loop.start.select is not None:
            axis, _ = loop.start.select
            shape = shape[:axis] + shape[axis + 1 :]
        return Read(loop.start.source, shape, loop.start.select)

    def _walk(self, walk: Walk, count: int) -> tuple[str, Doc]:
        """The variable and the iterable of entries that a loop walks along, or of their positions if uneven."""
        shape = self._views.shape(walk.source)
        self._kinds[walk.name] = self._kinds[walk.source]
        members = self._views.members(walk.source, walk.axis)
        index = walk.index
        wish = "k" if index is None else f"{self._short_name(walk.source)}_k"
        position = self._variables.take("", wish)
        self._variables.share(f"{position}#", position)
        self._variables.release("")
        entry = position
        if index is None:
            text = members or self._views.text(walk.source)
            entry = f"{text}[{':, ' * (0 if members else walk.axis)}{position}]"
            iterable: Doc = tuple_of(list(map(str, walk.indices)))
        else:
            iterable = members or self.dialect.along(self._views.text(walk.source), walk.axis)
            iterable += slice_text(index, count, shape[walk.axis])
        self._views.define(walk.name, shape[: walk.axis] + shape[walk.axis + 1 :], entry)
        return position, iterable

    def _function_names(self, carried: str, walks: Sequence[tuple[str, str]]) -> tuple[str, str]:
        """Names for the body of a loop as a function, and for its second parameter."""
        function = self.names.fresh(f"next_{carried}")
        if len(walks) > 1:
            return function, self.names.fresh("entries")
        return function, walks[0][0] if walks else "_"

    def _sources(self, operation: Loop) -> list[str]:
        """The tensors from outside that the body of a loop reads, those of the result's kind first."""
        inside = {operation.carried, *(step.name for step in operation.body)}
        read = dict.fromkeys(read.source for step in operation.body for read in reads(step.operation))
        outside = [source for source in read if source not in inside]
        return sorted(outside, key=lambda source: self._kinds[source] is not self._kinds[operation.carried])

    def _walks(self, operation: Loop) -> Iterable[tuple[str, str]]:
        """For every read of a body that advances: the name of its entry in the body, and what is walked along."""
        for read in advancing(operation.body):
            assert read.select is not None
            axis, index = read.select
            walked = self._views.members(read.source, axis) if self.dialect.walks_members else None
            walked = walked or self.dialect.along(self._views.text(read.source), axis)
            entry = self._variables.take("", f"{self._short_name(read.source)}_k")
            self._variables.share(f"{entry}#", entry)
            self._variables.release("")
            self._views.define_walk(read, entry)
            yield entry, walked + slice_text(index, operation.count, self._views.shape(read.source)[axis])

    def _short_name(self, source: str) -> str:
        """The family of a stack, without the path of its instance; of other tensors their names."""
        for stack in self.schedule.stacks:
            if stack.key == source:
                return self._authors.stack_name(stack)
        text = self._views.text(source)
        return text if text.isidentifier() else source.rpartition(".")[2]


def _dynamic_sizes(inputs: Sequence[InputTensor]) -> list[str]:
    return list(dict.fromkeys(dim for given in inputs for dim in given.shape if isinstance(dim, str)))


def _large_values(schedule: Schedule, dtype: str) -> dict[str, int]:
    """The bytes of values worth deleting, dynamic sizes taken for at least what is likely in use."""
    sizes = {name: max(size, _LIKELY_SIZE) for name, size in schedule.sizes}
    sizes = {name: sizes.get(name, _LIKELY_SIZE) for name in _dynamic_sizes(schedule.inputs)}
    entries: dict[str, int] = {}
    for step in all_steps(schedule.steps):
        entries[step.name] = count(step.shape, sizes)
        if isinstance(step.operation, Loop):
            entries[step.operation.carried] = entries[step.name]
    bound = max(_LARGE, max(entries.values(), default=0) // _LARGE_SHARE)
    kinds = schedule_kinds(schedule)
    return {
        name: size * itemsize(dtype, kinds.get(name, NumberKind.MODULE))
        for name, size in entries.items()
        if size >= bound
    }
