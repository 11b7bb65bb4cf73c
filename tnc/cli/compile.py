"""``tnc compile``: networks become modules, or are shown at an earlier stage."""

from __future__ import annotations

import argparse
import keyword
import stat
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tnc.cli.arguments import Once, Subparsers, add_file_subcommand, add_plan_options, read_networks
from tnc.cli.console import Console, say, write_product
from tnc.cli.stages import STAGES, Networks

if TYPE_CHECKING:
    from tnc.driver import Planned
    from tnc.options import Options

STDOUT: Final = "-"
_LONGEST: Final = 200  # file systems take names of 255 bytes


def add_to(subparsers: Subparsers) -> None:
    """Make the subcommand known."""
    parser = add_file_subcommand(subparsers, "compile", "compile networks to stand-alone Python modules", run)
    parser.add_argument(
        "-o",
        "--output",
        action=Once,
        metavar="PATH",
        help="a file, or a folder with one module a network (default, and -: stdout)",
    )
    parser.add_argument(
        "--emit",
        choices=tuple(STAGES),
        default="module",
        help="the stage to print: the module, the program (a flat .tn file), the schedule (steps, layouts and costs), "
        "or the graph (node-link JSON) (default: module)",
    )
    add_plan_options(parser)


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Compile all chosen networks, or nothing."""
    from tnc import driver
    from tnc.diagnostics import CompileError
    from tnc.writing.output import write_file, write_folder

    stage = STAGES[arguments.emit]
    _refuse_name(arguments.output, arguments.file, stage.suffix)
    elaborated, options = read_networks(arguments)
    folder = _is_folder(arguments.output)
    if not folder:
        driver.only(elaborated, "--network NAME", "-o folder/")
    names = _file_names([network.program.name for network in elaborated.networks], stage.suffix)

    def plan(networks: Networks) -> list[Planned]:
        try:
            return _planned(networks, options, arguments.backend)
        except CompileError as error:
            raise CompileError((*elaborated.warnings, *error.diagnostics)) from None

    texts = stage.texts(elaborated.networks, plan, arguments.backend)
    if arguments.output in (None, STDOUT):
        write_product("".join(texts))
    elif folder:
        write_folder(Path(arguments.output), dict(zip(names, texts, strict=True)))
    else:
        write_file(Path(arguments.output), "".join(texts))
    return console.show(elaborated.warnings)


def _planned(networks: Networks, options: Options, backend: str) -> list[Planned]:
    """The plans of networks that meet their budgets.

    Raises:
        CompileError: with all broken budgets; the reports of their networks are printed.
    """
    from tnc import driver
    from tnc.diagnostics import CompileError

    planned = [driver.plan(network, options, backend) for network in networks]
    broken = tuple(diagnostic for p in planned for diagnostic in p.broken)
    if broken:
        from tnc.report import Report

        say(f"{Report(tuple(p.report for p in planned if p.broken))}\n")
        raise CompileError(broken)
    return planned


def file_name(network: str, suffix: str = ".py") -> str:
    """The file of a network. A module can be imported, and shadows no framework nor the standard library."""
    stem = network[:_LONGEST]
    taken = network in frameworks() or network in sys.stdlib_module_names or network == "__init__"
    return f"{stem}_{suffix}" if suffix == ".py" and (taken or keyword.iskeyword(network)) else f"{stem}{suffix}"


def frameworks() -> frozenset[str]:
    """The names of modules that generated ones import."""
    from tnc.codegen import BACKENDS

    return frozenset({*BACKENDS, "jaxlib"})


def _file_names(networks: Sequence[str], suffix: str) -> list[str]:
    """One file a network: its own name if that is free, else numbered (`lambda` beside `lambda_`: `lambda__2.py`).

    Capitals make no difference, because some file systems do not distinguish them.
    """
    names: dict[str, str] = {}
    taken: set[str] = set()
    for network in sorted(networks, key=lambda network: file_name(network, suffix) != f"{network}{suffix}"):
        name, number = file_name(network, suffix), 2
        while name.casefold() in taken:
            name, number = f"{file_name(network, suffix).removesuffix(suffix)}_{number}{suffix}", number + 1
        taken.add(name.casefold())
        names[network] = name
    return [names[network] for network in networks]


def _refuse_name(output: str | None, source: str, suffix: str) -> None:
    """Nothing is written over the source, no module over a network or where scripts would import it as a framework.

    Raises:
        CompileError: TN008, before anything is compiled.
    """
    from tnc.diagnostics import CompileError, Diagnostic
    from tnc.reading import is_file

    if output in (None, STDOUT):
        return
    path = Path(output)
    if not output or "\0" in output:
        message, better = "`-o` names no file", f"net{suffix}"
    elif is_file(path) and is_file(Path(source)) and path.samefile(source):
        stem = path.stem if suffix != path.suffix else f"{path.stem}_flat"
        message, better = f"`{output}` is the source: the output would replace it", f"{stem}{suffix}"
    elif path.suffix == ".tn" and suffix != ".tn":
        message, better = f"`{output}` is for networks: a file of another kind would replace it", f"{path.stem}{suffix}"
    elif path.suffix == ".py" and path.stem in frameworks():
        message, better = f"scripts beside `{output}` would import it in place of `{path.stem}`", f"{path.stem}_.py"
    else:
        return
    raise CompileError((Diagnostic("TN008", message, help=f"name another place: `-o {path.parent / better}`"),))


def _is_folder(output: str | None) -> bool:
    from tnc.reading import mode

    return output is not None and (output.endswith("/") or stat.S_ISDIR(mode(Path(output))))
