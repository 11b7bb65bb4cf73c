"""How large files and functions are, for the table in docs/architecture.md: ``python -m tests.sizes``."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from math import ceil
from pathlib import Path
from statistics import median

ROOT = Path(__file__).parents[1]
GROUPS = {
    "compiler": ("tnc", "backends", "grammar"),
    "front (`syntax`, `sema`, `ir`, `passes`, `init`)": ("tnc/syntax", "tnc/sema", "tnc/ir", "tnc/passes", "tnc/init"),
    "back (`order`, `cost`, `codegen`, `backends`, `measure/xla`)": (
        *("tnc/order", "tnc/cost", "tnc/codegen", "backends", "tnc/measure/xla"),
    ),
    "tests": ("tests",),
}


def main() -> None:
    """Print the table, a row a group."""
    print("| | files | lines | file median / p90 | longest file | function median / p90 / p99 | longest function |")
    print("|---|---|---|---|---|---|---|")
    for title, folders in GROUPS.items():
        paths = [path for folder in folders for path in python_files(ROOT / folder)]
        lengths = {str(path.relative_to(ROOT)): len(path.read_text("utf-8").splitlines()) for path in paths}
        spans = dict(span for path in paths for span in functions(path))
        longest, widest = max(lengths, key=lengths.__getitem__), max(spans, key=spans.__getitem__)
        print(
            f"| {title} | {len(paths)} | {sum(lengths.values())} | {middle(lengths.values(), 90)} "
            f"| `{longest}` {lengths[longest]} | {middle(spans.values(), 90, 99)} | `{widest}` {spans[widest]} |"
        )


def python_files(folder: Path) -> Iterator[Path]:
    """The modules below a folder, without what a link there shows again."""
    for path in sorted(folder.rglob("*.py")):
        if not any(parent.is_symlink() for parent in path.parents if parent != ROOT and ROOT in parent.parents):
            yield path


def functions(path: Path) -> Iterator[tuple[str, int]]:
    """Every function of a module with its length, docstring included."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.FunctionDef):
            assert node.end_lineno is not None
            yield f"{path.relative_to(ROOT)}:{node.lineno} {node.name}", node.end_lineno - node.lineno + 1


def middle(values: Iterable[int], *percentiles: int) -> str:
    """The median and some percentiles, by nearest rank."""
    ordered = sorted(values)
    ranks = [ordered[ceil(percent / 100 * len(ordered)) - 1] for percent in percentiles]
    return " / ".join(f"{value:g}" for value in (median(ordered), *ranks))


if __name__ == "__main__":
    main()
