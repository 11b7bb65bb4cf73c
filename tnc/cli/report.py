"""``tnc report``: what networks cost."""

from __future__ import annotations

import argparse

from tnc.cli.arguments import (
    Subparsers,
    add_format,
    add_network_options,
    add_plan_options,
    add_subcommand,
    read_file,
    read_options,
)
from tnc.cli.console import Console, write_product


def add_to(subparsers: Subparsers) -> None:
    """Make the subcommand known."""
    parser = add_subcommand(subparsers, "report", "tell what networks cost: parameters, FLOPs, memory", run)
    parser.add_argument("file", metavar="FILE", help="a .tn file, or - for standard input")
    add_network_options(parser)
    add_plan_options(parser)
    add_format(parser)


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Print the report, also where a budget is broken."""
    from tnc import driver
    from tnc.report import Report

    options = read_options(arguments)
    elaborated = driver.elaborate(read_file(arguments.file, options.limits), options)
    planned = [driver.plan(network, options) for network in elaborated.networks]
    report = Report(tuple(p.report for p in planned))
    if console.json:
        import json

        write_product(json.dumps(report.to_dict(), indent=2, ensure_ascii=False) + "\n")
    else:
        write_product(f"{report}\n")
    broken = [diagnostic for p in planned for diagnostic in p.broken]
    diagnostics = [*elaborated.warnings, *broken]
    return console.show(diagnostics) if diagnostics else 0
