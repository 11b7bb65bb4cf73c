"""The imports of a generated module: those that its text uses."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tnc.codegen.writer import Writer

SAME = "# -- the same in every module " + "-" * 30
"""The line above what modules have in common."""


@dataclass(frozen=True, slots=True)
class Import:
    """``from module import names``, or without names ``import module``, perhaps ``as alias``."""

    module: str
    names: tuple[str, ...] = ()
    alias: str = ""

    def line(self, used: frozenset[str]) -> str:
        """The statement for what is used; empty if that is nothing."""
        if self.names:
            wanted = [name for name in self.names if name in used]
            return f"from {self.module} import {', '.join(wanted)}" if wanted else ""
        if (self.alias or self.module) not in used:
            return ""
        return f"import {self.module} as {self.alias}" if self.alias else f"import {self.module}"


def write_imports(writer: Writer, groups: Iterable[Sequence[Import]], text: str) -> None:
    """Write groups of imports, as far as a text uses them, with an empty line between groups."""
    used = used_names(text)
    for group in groups:
        lines = [line for each in group if (line := each.line(used))]
        if lines:
            writer.blank()
        for line in lines:
            writer.line(line)


def used_names(text: str) -> frozenset[str]:
    """The names that a module reads, and dotted paths of names (``jax.export``)."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Name):
            found.add(node.id)
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            found.add(f"{node.value.id}.{node.attr}")
    return frozenset(found)
