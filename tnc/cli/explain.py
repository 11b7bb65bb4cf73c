"""``tnc explain``: what was tried for every region, and why the winner won."""

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
    parser = add_subcommand(subparsers, "explain", "tell what was tried for every region, and why it was chosen", run)
    parser.add_argument("file", metavar="FILE", help="a .tn file, or - for standard input")
    add_network_options(parser)
    add_plan_options(parser)
    add_format(parser)


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Print what was decided; budgets are the report's business."""
    from tnc import driver
    from tnc.report import Explanation

    options = read_options(arguments)
    elaborated = driver.elaborate(read_file(arguments.file, options.limits), options)
    explanation = Explanation(
        tuple(driver.explain(driver.plan(network, options), options) for network in elaborated.networks)
    )
    if console.json:
        import json

        write_product(json.dumps(explanation.to_dict(), indent=2, ensure_ascii=False) + "\n")
    else:
        write_product(f"{explanation}\n")
    return console.show(elaborated.warnings) if elaborated.warnings else 0
