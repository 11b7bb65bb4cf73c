"""The checks of inputs at the head of ``forward`` and ``apply``: ranks, fixed sizes, and that dynamic sizes agree."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet

from tnc.codegen.documents import call, flat, tuple_of
from tnc.codegen.writer import Writer
from tnc.ir.program import Dim
from tnc.ir.schedule import InputTensor


def write_checks(
    writer: Writer,
    inputs: Sequence[InputTensor],
    names: Mapping[str, str],
    sizes: Mapping[str, str],
    used: AbstractSet[str],
    check_index: Callable[[str, int], Sequence[tuple[str, str, str]]],
) -> None:
    """Refuse inputs of other shapes, integers of other dtypes or values, and name the dynamic sizes.

    They are those ``used`` later, and those to be compared.
    """
    seen = [dim for given in inputs for dim in given.shape if isinstance(dim, str)]
    wanted = {name for name in seen if name in used or seen.count(name) > 1}
    known: set[str] = set()
    for given in inputs:
        text = names[given.name]
        with writer.block(f"if {_misfit(text, given.shape)}:"):
            shown = flat(tuple_of([str(dim) for dim in given.shape]))
            writer.line(call("raise ValueError", f'f"{text} has shape {{tuple({text}.shape)}}, not {shown}"'))
        for wrong, error, message in check_index(text, given.values) if given.values is not None else ():
            with writer.block(f"if {wrong}:"):
                writer.line(call(f"raise {error}", f'{"f" * ("{" in message)}"{message}"'))
        for axis, dim in enumerate(given.shape):
            if isinstance(dim, int) or dim not in wanted:
                continue
            size = sizes[dim]
            if dim not in known:
                known.add(dim)
                writer.line(f"{size} = {text}.shape[{axis}]")
                continue
            with writer.block(f"if {text}.shape[{axis}] != {size}:"):
                message = f'f"axis {axis} of {text} must be {dim} = {{{size}}}"'
                writer.line(call("raise ValueError", message))


def _misfit(text: str, shape: tuple[Dim, ...]) -> str:
    """True where a tensor has another rank or other fixed sizes."""
    leading = next((axis for axis, dim in enumerate(shape) if isinstance(dim, int)), len(shape))
    if leading < len(shape) and all(isinstance(dim, int) for dim in shape[leading:]):
        # Comparing what follows the dynamic axes compares the rank, too.
        sliced = f"[{leading}:]" if leading else ""
        return f"{text}.shape{sliced} != {_fixed(shape[leading:])}"
    tests = [f"{text}.ndim != {len(shape)}"]
    tests += [f"{text}.shape[{axis}] != {dim}" for axis, dim in enumerate(shape) if isinstance(dim, int)]
    return " or ".join(tests)


def _fixed(shape: tuple[Dim, ...]) -> str:
    if len(set(shape)) == 1 and len(shape) > 4:
        return f"({shape[0]},) * {len(shape)}"
    return flat(tuple_of([str(dim) for dim in shape]))
