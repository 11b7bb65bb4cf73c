"""Views of views become one view, or none."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import ClassVar

from tnc.ir.legs import rename_tensors
from tnc.ir.program import Crop, Dim, FlatCrop, Program, Reshape, Select, Statement, View
from tnc.passes.uses import rebuilt


@dataclass(frozen=True, slots=True)
class FoldViews:
    """Look through reshapes of reshapes and crops of crops; a view that changes nothing is what it looks at.

    Needs: nothing. Guarantees: no reshape reads a reshape or a flat crop, no crop reads a crop of its kind, no view
    leaves the shape as it is, and a flat crop crops. Why: an axis that one network merges and the next splits again
    disappears, and regions on both sides can become one.
    """

    name: ClassVar[str] = "fold_views"

    def run(self, program: Program) -> Program:
        """The Program after the pass."""
        shapes = program.shapes()
        views: dict[str, View] = {}
        aliases: dict[str, str] = {}
        statements: list[Statement] = []
        for statement in program.statements:
            statement = rename_tensors(statement, aliases)
            if isinstance(statement, View):
                view = _folded(statement, views, shapes)
                if shapes[view.argument] == view.shape:
                    aliases[view.name] = view.argument
                    continue
                views[view.name] = statement = view
            statements.append(statement)
        return rebuilt(program, statements, aliases)


def _folded(view: View, views: dict[str, View], shapes: dict[str, tuple[Dim, ...]]) -> View:
    inner = views.get(view.argument)
    if inner is not None:
        match inner.kind, view.kind:
            case (Reshape() | FlatCrop(), FlatCrop()) | (Reshape(), Reshape()) | (Crop(), Crop()):
                view = replace(view, argument=inner.argument)
            case FlatCrop(), Reshape():
                view = replace(view, argument=inner.argument, kind=FlatCrop())
            case (Reshape() | Crop() | FlatCrop() | Select(), _):
                pass
    if isinstance(view.kind, FlatCrop) and _elements(shapes[view.argument]) == _elements(view.shape):
        view = replace(view, kind=Reshape())
    return view


def _elements(shape: tuple[Dim, ...]) -> int:
    """How many elements there are; dynamic axes, which no flat crop has, count as one."""
    return math.prod(dim for dim in shape if isinstance(dim, int))
