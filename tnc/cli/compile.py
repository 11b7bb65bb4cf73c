"""``tnc compile``: networks become modules."""

from __future__ import annotations

import argparse
import keyword
import stat
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from tnc.cli.arguments import Once, Subparsers, add_file_subcommand, add_plan_options, read_networks
from tnc.cli.console import Console, say, write_product

STDOUT: Final = "-"
FRAMEWORKS: Final = frozenset({"torch", "jax", "jaxlib", "numpy"})
_LONGEST: Final = 200  # file systems take names of 255 bytes


def add_to(subparsers: Subparsers) -> None:
    """Make the subcommand known."""
    parser = add_file_subcommand(subparsers, "compile", "compile networks to stand-alone Python modules", run)
    parser.add_argument(
        "-b", "--backend", default="torch", help="torch, jax, numpy or an installed one (default: torch)"
    )
    parser.add_argument(
        "-o",
        "--output",
        action=Once,
        metavar="PATH",
        help="a file, or a folder with one module a network (default, and -: stdout)",
    )
    add_plan_options(parser)


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Compile all chosen networks, or nothing."""
    from tnc import driver
    from tnc.cli.output import write_file, write_folder
    from tnc.diagnostics import CompileError

    _refuse_name(arguments.output, arguments.file)
    elaborated, options = read_networks(arguments)
    folder = _is_folder(arguments.output)
    if not folder:
        driver.only(elaborated, "--network NAME", "-o folder/")
    names = _file_names([network.program.name for network in elaborated.networks])
    planned = [driver.plan(network, options) for network in elaborated.networks]
    broken = tuple(diagnostic for p in planned for diagnostic in p.broken)
    if broken:
        from tnc.report import Report

        say(f"{Report(tuple(p.report for p in planned if p.broken))}\n")
        raise CompileError((*elaborated.warnings, *broken))
    texts = driver.emit_all(planned, arguments.backend)
    if arguments.output in (None, STDOUT):
        write_product("".join(texts))
    elif folder:
        write_folder(Path(arguments.output), dict(zip(names, texts, strict=True)))
    else:
        write_file(Path(arguments.output), "".join(texts))
    return console.show(elaborated.warnings)


def file_name(network: str) -> str:
    """The file of a network's module: one that can be imported, and shadows no framework nor the standard library."""
    taken = network in FRAMEWORKS or network in sys.stdlib_module_names or network == "__init__"
    return f"{network[:_LONGEST]}_.py" if taken or keyword.iskeyword(network) else f"{network[:_LONGEST]}.py"


def _file_names(networks: Sequence[str]) -> list[str]:
    """One file a network: its own name where that is free, else numbered (`lambda` beside `lambda_`: `lambda__2.py`).

    Capitals make no difference, for there are systems that cannot tell such files apart.
    """
    names: dict[str, str] = {}
    taken: set[str] = set()
    for network in sorted(networks, key=lambda network: file_name(network) != f"{network}.py"):
        name, number = file_name(network), 2
        while name.casefold() in taken:
            name, number = f"{file_name(network).removesuffix('.py')}_{number}.py", number + 1
        taken.add(name.casefold())
        names[network] = name
    return [names[network] for network in networks]


def _refuse_name(output: str | None, source: str) -> None:
    """A module is never written over a network, nor where scripts would import it in place of a framework.

    Raises:
        CompileError: TN008, before anything is compiled.
    """
    from tnc.diagnostics import CompileError, Diagnostic
    from tnc.reading import is_file

    if output in (None, STDOUT):
        return
    path = Path(output)
    if not output or "\0" in output:
        message, better = "`-o` names no file", "net.py"
    elif path.suffix == ".tn" or (is_file(path) and is_file(Path(source)) and path.samefile(source)):
        message, better = f"`{output}` is for networks: a Python module would take its place", f"{path.stem}.py"
    elif path.suffix == ".py" and path.stem in FRAMEWORKS:
        message, better = f"scripts beside `{output}` would import it in place of `{path.stem}`", f"{path.stem}_.py"
    else:
        return
    raise CompileError((Diagnostic("TN008", message, help=f"name another place: `-o {path.parent / better}`"),))


def _is_folder(output: str | None) -> bool:
    from tnc.reading import mode

    return output is not None and (output.endswith("/") or stat.S_ISDIR(mode(Path(output))))
