"""Reads as expressions: what every tensor is called in the text, and how a step sees it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import assert_never

from tnc.codegen.documents import Doc, call, prefixed
from tnc.codegen.rolling import inferred
from tnc.ir.extent import Extent, Product
from tnc.ir.schedule import Index, Read

_RUNS_FROM_RANK = 7
_SHORTEST_RUN = 4
_WHOLE = 72  # characters of an assignment that surely fits on a line


class Views:
    """Knows the variables of the text. Indexing, ``reshape`` and reordering look alike in every framework."""

    def __init__(self, permute: str, sizes: Mapping[str, str]) -> None:
        self.sizes_used: set[str] = set()
        self._permute = permute
        self._sizes = dict(sizes)
        self._texts: dict[str, str] = {}
        self._shapes: dict[str, tuple[Extent, ...]] = {}
        self._members: dict[tuple[str, int], str] = {}
        self._walks: dict[tuple[str, int, Index], str] = {}
        self._open_sizes: dict[str, tuple[Extent, ...]] = {}

    # -- what is known -------------------------------------------------------------------------

    def define(self, name: str, shape: tuple[Extent, ...], text: str) -> None:
        """A tensor of the Schedule is ``text`` in the module."""
        self._texts[name] = text
        self._shapes[name] = shape

    def define_members(self, source: str, axis: int, text: str) -> None:
        """The entries of a tensor along an axis are the tuple ``text``."""
        self._members[source, axis] = text

    def define_walk(self, read: Read, text: str) -> None:
        """In a loop, the entry that advances with it is ``text``."""
        assert read.select is not None
        self._walks[read.source, *read.select] = text

    def define_sizes(self, sizes: Mapping[str, tuple[Extent, ...]], names: Mapping[str, str]) -> None:
        """In a loop, sizes that differ between iterations: their values, and the variables of those that need one."""
        self._open_sizes.update(sizes)
        self._sizes.update(names)

    def text(self, name: str) -> str:
        """The variable that holds a tensor."""
        return self._texts[name]

    def shape(self, name: str) -> tuple[Extent, ...]:
        """The shape of a tensor."""
        return self._shapes[name]

    def members(self, source: str, axis: int) -> str | None:
        """The variable that holds the entries of a tensor along an axis, if there is one."""
        return self._members.get((source, axis))

    # -- reads ---------------------------------------------------------------------------------

    def read(self, read: Read) -> str:
        """A read as an expression that binds like a name."""
        text = self.picked(read)
        if self._is_reshaped(read):
            text = f"{text}.reshape({', '.join(self._arguments(read))})"
        if read.perm is None:
            return text
        if read.perm == (1, 0):
            return f"{text}.T"
        return f"{text}.{self._permute}({', '.join(map(str, read.perm))})"

    def stages(self, read: Read, target: str) -> list[Doc]:
        """A read that is more than a pick, assigned to ``target``: on one line, or else on one line a view."""
        text = self.picked(read)
        if len(whole := self.read(read)) + len(target) < _WHOLE:
            return [f"{target} = {whole}"]
        lines: list[Doc] = []
        if self._is_reshaped(read):
            lines.append(prefixed(f"{target} = ", call(f"{text}.reshape", *self._arguments(read))))
            text = target
        if read.perm is not None:
            axes = [str(axis) for axis in read.perm]
            lines.append(prefixed(f"{target} = ", call(f"{text}.{self._permute}", *axes)))
        return lines

    def picked(self, read: Read) -> str:
        """What a read takes from its source, before it is reshaped and reordered."""
        if read.select is None:
            return self._texts[read.source]
        axis, index = read.select
        if index.step:
            return self._walks[read.source, axis, index]
        members = self._members.get((read.source, axis))
        if members is not None:
            return f"{members}[{index.start}]"
        return f"{self._texts[read.source]}[{':, ' * axis}{index.start}]"

    def _arguments(self, read: Read) -> list[str]:
        """A shape as the arguments of ``reshape``, which wants at least one."""
        axis = inferred(read.shape, self._open_sizes)
        return self.dims(read.shape if axis is None else (*read.shape[:axis], -1, *read.shape[axis + 1 :])) or ["()"]

    def _is_reshaped(self, read: Read) -> bool:
        shape = self._shapes[read.source]
        if read.select is not None:
            axis, _ = read.select
            shape = shape[:axis] + shape[axis + 1 :]
        return shape != read.shape

    # -- sizes ---------------------------------------------------------------------------------

    def dims(self, shape: tuple[Extent, ...]) -> list[str]:
        """A shape as arguments; long runs of one number as ``*[2] * 18``."""
        texts = [self.size(extent) for extent in shape]
        if len(texts) < _RUNS_FROM_RANK:
            return texts
        runs: list[list[str]] = []
        for text in texts:
            if runs and runs[-1][0] == text:
                runs[-1].append(text)
            else:
                runs.append([text])
        short = [run if len(run) < _SHORTEST_RUN else [f"*[{run[0]}] * {len(run)}"] for run in runs]
        return [part for run in short for part in run]

    def size(self, extent: Extent) -> str:
        """The size of an axis as an expression."""
        match extent:
            case int():
                return str(extent)
            case str():
                self.sizes_used.add(extent)
                return self._sizes[extent]
            case Product(factor, names):
                sizes = [self.size(name) for name in names]
                return " * ".join(sizes if factor == 1 else [*sizes, str(factor)])
            case _:
                assert_never(extent)
