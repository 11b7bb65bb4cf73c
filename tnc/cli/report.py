"""``tnc report``: what networks cost."""

from __future__ import annotations

import argparse

from tnc.cli.arguments import Subparsers, add_file_subcommand, add_format, add_plan_options, read_networks
from tnc.cli.console import Console
from tnc.cli.planning import add_jobs, plan_all


def add_to(subparsers: Subparsers) -> None:
    """Make the subcommand known."""
    parser = add_file_subcommand(subparsers, "report", "print what networks cost: parameters, FLOPs, memory", run)
    add_plan_options(parser)
    add_jobs(parser)
    add_format(parser)


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Print the report, also where a budget is broken."""
    from tnc.report import Report

    elaborated, options = read_networks(arguments)
    planned = plan_all(elaborated.networks, options, arguments.backend, arguments.jobs)
    console.write(Report(tuple(p.report for p in planned)))
    broken = (diagnostic for p in planned for diagnostic in p.broken)
    return console.show([*elaborated.warnings, *broken])
