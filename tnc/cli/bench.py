"""``tnc bench``: what networks take on this machine, beside what was said of them."""

from __future__ import annotations

import argparse

from tnc.cli.arguments import (
    Subparsers,
    add_file_subcommand,
    add_format,
    add_measuring_options,
    add_plan_options,
    read_networks,
)
from tnc.cli.console import Console


def add_to(subparsers: Subparsers) -> None:
    """Make the subcommand known."""
    parser = add_file_subcommand(
        subparsers, "bench", "measure networks on this machine, beside what was predicted of them", run
    )
    add_measuring_options(parser, 10, "how long to measure all of them")
    add_plan_options(parser)
    add_format(parser)


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Plan the chosen networks, run them in turn, and print both."""
    from tnc import driver
    from tnc.cli.progress import Progress
    from tnc.diagnostics import CompileError
    from tnc.measure.comparison import bench

    elaborated, options = read_networks(arguments)
    planned = [driver.plan(network, options, arguments.backend) for network in elaborated.networks]
    broken = tuple(diagnostic for p in planned for diagnostic in p.broken)
    if broken:
        raise CompileError((*elaborated.warnings, *broken))
    progress = Progress("measuring")
    try:
        found = bench(planned, arguments.seconds, progress, arguments.threads)
    finally:
        progress.clear()
    console.write(found)
    return console.show(elaborated.warnings)
