"""``tnc check``: everything that is wrong, or unwise, with files."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from tnc.cli.arguments import Subparsers, add_format, add_network_options, add_subcommand, read_file, read_options
from tnc.cli.console import Console, exit_code, json_text, write_product

if TYPE_CHECKING:
    from tnc.diagnostics import Diagnostic


def add_to(subparsers: Subparsers) -> None:
    """Make the subcommand known."""
    parser = add_subcommand(subparsers, "check", "report everything that is wrong with .tn files", run)
    parser.add_argument("files", nargs="+", metavar="FILE", help="a .tn file, or - for standard input")
    add_network_options(parser)
    add_format(parser, "sarif")


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Check every file; JSON and SARIF go to stdout, being the product."""
    from tnc import __version__, driver
    from tnc.diagnostics import CompileError, diagnostics_to_json, diagnostics_to_sarif, has_errors

    options = read_options(arguments)
    diagnostics: list[Diagnostic] = []
    fine: list[str] = []
    for file in arguments.files:
        try:
            source = read_file(file, options.limits)
            checked = driver.check(source, options)
        except CompileError as error:
            diagnostics += error.diagnostics
            continue
        diagnostics += checked.diagnostics
        if not has_errors(checked.diagnostics):
            networks = len(checked.networks)
            fine.append(f"{source.name}: {networks} network{'' if networks == 1 else 's'}, no errors\n")
    if arguments.format != "text":
        sarif = arguments.format == "sarif"
        product = diagnostics_to_sarif(diagnostics, __version__) if sarif else diagnostics_to_json(diagnostics)
        write_product(f"{json_text(product)}\n")
        return exit_code(diagnostics)
    write_product("".join(fine))
    return console.show(diagnostics)
