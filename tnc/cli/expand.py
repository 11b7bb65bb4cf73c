"""``tnc expand``: a network without loops and instances."""

from __future__ import annotations

import argparse

from tnc.cli.arguments import Subparsers, add_file_subcommand, add_network_options, read_networks
from tnc.cli.console import Console, write_product


def add_to(subparsers: Subparsers) -> None:
    """Make the subcommand known."""
    parser = add_file_subcommand(
        subparsers, "expand", "print a network as a flat .tn file, without loops and instances", run
    )
    add_network_options(parser)


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Print the one network that is meant."""
    from tnc import driver
    from tnc.ir import program_text

    elaborated, _ = read_networks(arguments)
    network = driver.only(elaborated, "--network NAME")
    write_product(program_text(network.program))
    return console.show(elaborated.warnings)
