"""The steps of a Schedule as assignments: everything that the backends have in common, which is nearly all."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from tnc.codegen.checks import write_checks
from tnc.codegen.dialect import Dialect, LoopText
from tnc.codegen.documents import Doc, Group, prefixed, tuple_of
from tnc.codegen.expressions import Expressions, slice_text
from tnc.codegen.names import Names
from tnc.codegen.reads import advancing, all_steps, last_uses, usage
from tnc.codegen.rolling import Item, Rolled, Walk, first_sizes, in_turn, roll_text, sources, walked_sizes
from tnc.codegen.scalars import ScalarWriter
from tnc.codegen.views import Views
from tnc.codegen.writer import Writer
from tnc.ir.activations import COMPOSITES
from tnc.ir.extent import Extent, count
from tnc.ir.number_kinds import schedule_kinds
from tnc.ir.reads import reads
from tnc.ir.schedule import Loop, Read, Schedule, Stack, Step
from tnc.units import flops_text

_LEGS_SHOWN = 40
_FLOPS_SHOWN = 10_000
_REGION_TEXT = 160

# Values below either bound are left to the end of the function: what they hold is not worth a line.
_LARGE = 2**16
_LARGE_SHARE = 64
_LIKELY_SIZE = 64


class Body:
    """Writes the inside of ``forward`` or ``apply``."""

    def __init__(self, schedule: Schedule, dialect: Dialect, depth: int, reserved: Sequence[str] = ()) -> None:
        kept = frozenset(result.read.source for result in schedule.results)
        schedule = replace(schedule, steps=in_turn(schedule.steps, kept))
        self.schedule = schedule
        self.dialect = dialect
        self.opening = Writer(depth)  # what a backend puts before the checks of the inputs
        self.writer = Writer(depth)
        self.names = Names((*reserved, *dialect.reserved, *dialect.functions.helpers, *COMPOSITES))
        self.scalars = ScalarWriter(dialect.functions, self.names)
        self.inputs = {given.name: self.names.fresh(given.name) for given in schedule.inputs}
        self._kinds = schedule_kinds(schedule)
        self._usage = usage(schedule)
        self._regions = {region.name: region.text for region in schedule.regions if region.planner}
        self._region = ""  # what was announced last: a loop goes on with the region around it
        self._large = _large_values(schedule) if dialect.frees else frozenset[str]()
        self._sizes = {name: self.names.fresh(name, "size") for name in _dynamic_sizes(schedule)}
        self._views = Views(dialect.permute, self._sizes)
        self._nominal = dict(schedule.sizes)
        self._expressions = Expressions(
            dialect, self.scalars, self._views, self._reference(), self._nominal, self._kinds
        )

    def write(self) -> list[str]:
        """Everything before the ``return``; the text of every result, in order."""
        for given in self.schedule.inputs:
            self._define(given.name, given.shape, self.inputs[given.name])
        for stack in self.schedule.stacks:
            self._open(stack)
        kept = frozenset(result.read.source for result in self.schedule.results)
        shapes = {given.name: given.shape for given in self.schedule.inputs}
        shapes.update((stack.key, stack.stored_shape) for stack in self.schedule.stacks)
        self._steps(roll_text(self.schedule.steps, shapes, kept, self._kinds, self._nominal), kept)
        results = [self._views.read(result.read) for result in self.schedule.results]
        write_checks(self.opening, self.schedule.inputs, self.inputs, self._sizes, self._views.sizes_used)
        self.opening.include(self.writer)
        self.writer = self.opening
        return results

    def write_loop_body(self, loop: LoopText) -> None:
        """The steps inside a loop; what they end with is what is carried on."""
        body = loop.operation.body
        self._steps(body, frozenset(), carried=loop.operation.carried, final=loop.carried)

    # -- tensors and their members -------------------------------------------------------------

    def _reference(self) -> str | None:
        """A tensor whose dtype and place are those of the network: not a core that is complex whatever the dtype."""
        stacks = sorted(self.schedule.stacks, key=lambda stack: stack.is_complex)
        if stacks and not stacks[0].is_complex:
            return self.dialect.stack(stacks[0])[0]
        if self.inputs:
            return next(iter(self.inputs.values()))
        return f"{self.dialect.stack(stacks[0])[0]}.real" if stacks else None

    def _open(self, stack: Stack) -> None:
        """Give a stack a local name, and its members one, as far as the steps use them."""
        key = stack.key
        tensor, wants_name = self.dialect.stack(stack)
        unstacked = self._is_unstacked(key, 0)
        walks = (key, 0) in self._usage.walked and not self.dialect.walks_members
        picks = bool(self._usage.picked[key, 0]) and not unstacked
        shape = stack.stored_shape
        if wants_name and (key in self._usage.whole or walks or picks):
            if not (stack.stacked or stack.shape):  # in weights of older modules, a scalar has no axis
                tensor, shape = f"{tensor}.reshape(())", ()
            name = self.names.fresh(key)
            self.writer.line(f"{name} = {tensor}")
            tensor = name
        self._views.define(key, shape, tensor)
        if unstacked:
            self._name_members(key, 0, key)

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
        name = self.names.fresh(wish)
        self.writer.line(f"{name} = {self.dialect.unstack(self._views.text(source), axis)}")
        self._views.define_members(source, axis, name)

    # -- steps ---------------------------------------------------------------------------------

    def _steps(self, steps: Sequence[Item], kept: frozenset[str], carried: str = "", final: str | None = None) -> None:
        """Steps in order, the last one to the name ``final`` if it is given.

        Large values of these steps (and what is ``carried`` in) are deleted after their last use, if not ``kept``.
        """
        own = {carried, *(step.name for step in steps)} - kept
        ending: dict[int, list[str]] = {}
        for name, use in last_uses(steps).items():
            if name in own:
                ending.setdefault(use, []).append(name)
        for position, step in enumerate(steps):
            if step.region and step.region != self._region:
                self._announce(step)
                self._region = step.region
            ends = ending.get(position, [])
            is_last = position + 1 == len(steps)
            self._step(step, final if is_last else None, ends)
            if not is_last:
                self._delete(ends)
            elif final:
                # A function that ends lets go of everything; a loop goes on, and has just rebound what it carries.
                self._delete((name for name in ends if name != carried), views_of=carried)

    def _announce(self, step: Item) -> None:
        """What the next steps compute, unless the first one's name says as much."""
        text = self._regions.get(step.region, step.region)
        if text == step.name:
            return
        if len(text) > _REGION_TEXT:
            text = text[: _REGION_TEXT - 4] + " ..."
        self.writer.blank()
        self.writer.comment(text)

    def _step(self, step: Item, target: str | None, ends: Sequence[str]) -> None:
        if isinstance(step, Rolled):
            self._rolled(step, ends)
            return
        if isinstance(step.operation, Loop):
            self._repeat(step, step.operation, ends)
            if target:
                self.writer.line(f"{target} = {self._views.text(step.name)}")
            return
        target = target or self.names.fresh(step.name)
        operands = reads(step.operation)
        right = self._right_side(step, [self._views.read(operand) for operand in operands], target)
        if not self.writer.fits(right):
            right = self._right_side(step, self._staged(step), target)
        self.writer.line(right, self._remark(step))
        self._define(step.name, step.shape, target)

    def _right_side(self, step: Step, texts: Sequence[str], target: str) -> Doc:
        return prefixed(f"{target} = ", self._expressions.expression(step, texts))

    def _staged(self, step: Step) -> list[str]:
        """The operands of a step that would be too long, views of them on lines of their own."""
        texts: list[str] = []
        for operand in reads(step.operation):
            text = self._views.read(operand)
            if text != self._views.picked(operand):
                name = self.names.fresh(f"{step.name}_view")
                for line in self._views.stages(operand, name):
                    self.writer.line(line)
                self._views.define_alias(operand.source, name)
                text = name
            texts.append(text)
        return texts

    def _remark(self, step: Step) -> str:
        legs = ", ".join(step.legs)
        legs = legs if len(legs) <= _LEGS_SHOWN else f"{len(step.legs)} legs"
        cost = f"{flops_text(step.cost.flops)}FLOP" if step.cost.flops >= _FLOPS_SHOWN else ""
        return "; ".join(filter(None, (legs, cost)))

    def _delete(self, names: Iterable[str], views_of: str = "") -> None:
        """Let go of large values that are still known, and of views of another one."""
        texts = [text for name in names if name in self._large for text in self._views.forget(name)]
        if views_of in self._large:
            texts += self._views.forget_aliases(views_of)
        if texts:
            self.writer.line(f"del {', '.join(texts)}")

    # -- loops ---------------------------------------------------------------------------------

    def _repeat(self, step: Step, operation: Loop, ends: Sequence[str]) -> None:
        """A loop. What is carried takes over the variable that it starts from, where nothing else needs that."""
        initial = self._views.read(operation.initial)
        source = operation.initial.source
        sources = tuple(map(self._views.text, self._sources(operation)))
        grows = self._kinds[source] is not self._kinds[operation.carried]
        inside = {read.source for inner in all_steps(operation.body) for read in reads(inner.operation)}
        ends = [name for name in ends if name not in inside]
        if source in ends and initial == self._views.text(source) and not grows:
            (carried, *_) = self._views.forget(source)
        else:
            carried = self.names.fresh(step.name)
            if not self.dialect.loops_are_functions:
                start = self.dialect.converted(initial, sources[0]) if grows and sources else initial
                self.writer.line(f"{carried} = {start}")
                self._delete(ends)
        loop = LoopText(operation, carried, initial, tuple(self._walks(operation)), sources, grows)
        self._define(operation.carried, step.shape, carried)
        self.dialect.repeat(self, loop)
        self._define(step.name, step.shape, carried)

    def _rolled(self, loop: Rolled, ends: Sequence[str]) -> None:
        """A ``for`` statement over blocks of steps of which some sizes differ."""
        initial, source = self._views.read(self._start(loop)), loop.start.source
        inside = {name for name in sources(loop) if name != source}
        ends = [name for name in ends if name not in inside]
        if source in ends and initial == self._views.text(source):
            (carried, *_) = self._views.forget(source)
        else:
            carried = self.names.fresh(loop.name)
            self.writer.line(f"{carried} = {initial}")
            self._delete(ends)
        self._views.define(loop.carried, loop.carried_shape, carried)
        self._kinds[loop.carried] = self._kinds[loop.name]
        walked = [self._walk(walk, loop.count) for walk in loop.walks]
        names = {name: self.names.fresh("size") for name in walked_sizes(loop)}
        values = dict(loop.sizes)
        walked += [
            (text, tuple_of([self._views.size(value) for value in values[name]])) for name, text in names.items()
        ]
        self._views.define_sizes(values, names)
        self._nominal.update(first_sizes(loop, self._nominal))
        large = [step.name for step, names in zip(loop.body, loop.names, strict=True) if self._large & {*names}]
        self._large |= {*large, *([loop.carried] if loop.body[-1].name in large else [])}
        remark = f"{flops_text(loop.flops)}FLOP" if loop.flops >= _FLOPS_SHOWN else ""
        with self.writer.block(for_header(walked, loop.count), remark):
            self._steps(loop.body, frozenset(), carried=loop.carried, final=carried)
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
        short = self._short_name(walk.source)
        members = self._views.members(walk.source, walk.axis)
        index = walk.index
        if index is None:
            entry = position = self.names.fresh("k")
            text = members or self._views.text(walk.source)
            entry = f"{text}[{':, ' * (0 if members else walk.axis)}{position}]"
            iterable: Doc = tuple_of(list(map(str, walk.indices)))
        else:
            entry = position = self.names.fresh(f"{short}_k")
            iterable = members or self.dialect.along(self._views.text(walk.source), walk.axis)
            iterable += slice_text(index, count, shape[walk.axis])
        self._views.define(walk.name, shape[: walk.axis] + shape[walk.axis + 1 :], entry)
        return position, iterable

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
            entry = self.names.fresh(f"{self._short_name(read.source)}_k")
            self._views.define_walk(read, entry)
            yield entry, walked + slice_text(index, operation.count, self._views.shape(read.source)[axis])

    def _short_name(self, source: str) -> str:
        """The family of a stack, without the path of its instance; of other tensors their names."""
        for stack in self.schedule.stacks:
            if stack.key == source:
                return stack.members[0].name.rpartition(".")[2].partition("[")[0]
        return source


def write_for(body: Body, loop: LoopText) -> None:
    """A ``for`` statement: what is carried, what the body ends with and the result are one variable."""
    with body.writer.block(for_header(loop.walked, loop.operation.count)):
        body.write_loop_body(loop)


def for_header(walked: Sequence[tuple[str, Doc]], count: int) -> Doc:
    """The head of a ``for`` statement over pairs of a variable and what it runs along; over numbers without any."""
    match walked:
        case []:
            return f"for _ in range({count}):"
        case [(entry, str(iterable))]:
            return f"for {entry} in {iterable}:"
        case [(entry, Group() as iterable)]:
            return prefixed(f"for {entry} in ", replace(iterable, tail=f"{iterable.tail}:"))
        case _:
            entries = ", ".join(entry for entry, _ in walked)
            return Group(f"for {entries} in zip(", tuple(iterable for _, iterable in walked), "):")


def _dynamic_sizes(schedule: Schedule) -> list[str]:
    return list(dict.fromkeys(dim for given in schedule.inputs for dim in given.shape if isinstance(dim, str)))


def _large_values(schedule: Schedule) -> frozenset[str]:
    """Values worth deleting, dynamic sizes taken for at least what is likely in use."""
    sizes = {name: max(size, _LIKELY_SIZE) for name, size in schedule.sizes}
    sizes = {name: sizes.get(name, _LIKELY_SIZE) for name in _dynamic_sizes(schedule)}
    entries: dict[str, int] = {}
    for step in all_steps(schedule.steps):
        entries[step.name] = count(step.shape, sizes)
        if isinstance(step.operation, Loop):
            entries[step.operation.carried] = entries[step.name]
    bound = max(_LARGE, max(entries.values(), default=0) // _LARGE_SHARE)
    return frozenset(name for name, size in entries.items() if size >= bound)
