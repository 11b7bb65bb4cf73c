"""``tnc explain``: the candidates for every region, and why one was chosen."""

from __future__ import annotations

import argparse

from tnc.cli.arguments import Subparsers, add_file_subcommand, add_format, add_plan_options, read_networks
from tnc.cli.console import Console
from tnc.cli.planning import add_jobs, plan_all


def add_to(subparsers: Subparsers) -> None:
    """Make the subcommand known."""
    parser = add_file_subcommand(
        subparsers, "explain", "print the candidates for every region, and why one was chosen", run
    )
    add_plan_options(parser)
    add_jobs(parser)
    add_format(parser)


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Print what was decided; budgets are the report's business."""
    from tnc import driver
    from tnc.report import Explanation

    elaborated, options = read_networks(arguments)
    planned = plan_all(elaborated.networks, options, arguments.backend, arguments.jobs)
    console.write(Explanation(tuple(driver.explain(p) for p in planned), tuple(p.report for p in planned)))
    return console.show(elaborated.warnings)
