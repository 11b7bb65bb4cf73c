"""``tnc expand``: a network without loops and instances."""

from __future__ import annotations

import argparse

from tnc.cli.arguments import Subparsers, add_network_options, add_subcommand, read_file, read_options
from tnc.cli.console import Console, write_product


def add_to(subparsers: Subparsers) -> None:
    """Make the subcommand known."""
    parser = add_subcommand(
        subparsers, "expand", "print a network as a flat .tn file, without loops and instances", run
    )
    parser.add_argument("file", metavar="FILE", help="a .tn file, or - for standard input")
    add_network_options(parser)


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Print the one network that is meant."""
    from tnc import driver
    from tnc.ir import program_text

    options = read_options(arguments)
    elaborated = driver.elaborate(read_file(arguments.file, options.limits), options)
    network = driver.only(elaborated, "--network NAME")
    write_product(program_text(network.program))
    return console.show(elaborated.warnings)
