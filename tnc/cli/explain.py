"""``tnc explain``: what was tried for every region, and why the winner won."""

from __future__ import annotations

import argparse

from tnc.cli.arguments import Subparsers, add_file_subcommand, add_format, add_plan_options, read_networks
from tnc.cli.console import Console


def add_to(subparsers: Subparsers) -> None:
    """Make the subcommand known."""
    parser = add_file_subcommand(
        subparsers, "explain", "tell what was tried for every region, and why it was chosen", run
    )
    add_plan_options(parser)
    add_format(parser)


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Print what was decided; budgets are the report's business."""
    from tnc import driver
    from tnc.report import Explanation

    elaborated, options = read_networks(arguments)
    planned = [driver.plan(network, options) for network in elaborated.networks]
    console.write(Explanation(tuple(driver.explain(p, options) for p in planned)))
    return console.show(elaborated.warnings)
