"""``tnc compile``: networks become modules."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Final

from tnc.cli.arguments import Subparsers, add_file_subcommand, add_plan_options, read_networks
from tnc.cli.console import Console, write_product

FRAMEWORKS: Final = frozenset({"torch", "jax", "jaxlib", "numpy"})


def add_to(subparsers: Subparsers) -> None:
    """Make the subcommand known."""
    parser = add_file_subcommand(subparsers, "compile", "compile networks to stand-alone Python modules", run)
    parser.add_argument(
        "-b", "--backend", default="torch", help="torch, jax, numpy or an installed one (default: torch)"
    )
    parser.add_argument(
        "-o", "--output", metavar="PATH", help="a file, or a folder with one module a network (default: stdout)"
    )
    add_plan_options(parser)


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Compile all chosen networks, or nothing."""
    from tnc import driver
    from tnc.cli.output import write_files
    from tnc.diagnostics import CompileError

    _refuse_name(arguments.output, arguments.file)
    elaborated, options = read_networks(arguments)
    folder = _is_folder(arguments.output)
    if not folder:
        driver.only(elaborated, "--network NAME", "-o folder/")
    planned = [driver.plan(network, options) for network in elaborated.networks]
    broken = tuple(diagnostic for p in planned for diagnostic in p.broken)
    if broken:
        from tnc.report import Report

        print(f"{Report(tuple(p.report for p in planned if p.broken))}\n", file=sys.stderr)
        raise CompileError((*elaborated.warnings, *broken))
    texts = {p.program.name: driver.emit(p, arguments.backend) for p in planned}
    if arguments.output is None:
        write_product("".join(texts.values()))
    elif folder:
        _make_folder(Path(arguments.output))
        write_files({Path(arguments.output) / file_name(name): text for name, text in texts.items()})
    else:
        write_files({Path(arguments.output): text for text in texts.values()})
    return console.show(elaborated.warnings)


def file_name(network: str) -> str:
    """The file of a network's module: no generated file shadows a framework or the standard library."""
    taken = network in FRAMEWORKS or network in sys.stdlib_module_names
    return f"{network}_.py" if taken else f"{network}.py"


def _refuse_name(output: str | None, source: str) -> None:
    """A module is never written over a network, nor where scripts would import it in place of a framework.

    Raises:
        CompileError: TN008, before anything is compiled.
    """
    from tnc.diagnostics import CompileError, Diagnostic

    if output is None:
        return
    path = Path(output)
    if not output or "\0" in output:
        message, better = "`-o` names no file", "net.py"
    elif path.suffix == ".tn" or (path.is_file() and Path(source).is_file() and path.samefile(source)):
        message, better = f"`{output}` is for networks: a Python module would take its place", f"{path.stem}.py"
    elif path.suffix == ".py" and path.stem in FRAMEWORKS:
        message, better = f"scripts beside `{output}` would import it in place of `{path.stem}`", f"{path.stem}_.py"
    else:
        return
    raise CompileError((Diagnostic("TN008", message, help=f"name another place: `-o {path.parent / better}`"),))


def _is_folder(output: str | None) -> bool:
    return output is not None and (output.endswith("/") or Path(output).is_dir())


def _make_folder(folder: Path) -> None:
    from tnc.diagnostics import CompileError, Diagnostic

    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        reason = (error.strerror or "unknown reason").lower()
        raise CompileError(
            (
                Diagnostic(
                    "TN008", f"the folder `{folder}` cannot be made: {reason}", help="name another place with `-o`"
                ),
            )
        ) from None
