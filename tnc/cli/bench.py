"""``tnc bench``: what networks take on this machine, beside what was said of them."""

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
from tnc.cli.calibrate import seconds, threads
from tnc.cli.console import Console, write_product


def add_to(subparsers: Subparsers) -> None:
    """Make the subcommand known."""
    parser = add_subcommand(
        subparsers, "bench", "measure networks on this machine, beside what was predicted of them", run
    )
    parser.add_argument("file", metavar="FILE", help="a .tn file, or - for standard input")
    parser.add_argument("-b", "--backend", choices=("torch", "jax"), default="torch", help="default: torch")
    parser.add_argument(
        "--seconds", type=seconds, default=10.0, metavar="N", help="how long to measure all of them (default: 10)"
    )
    parser.add_argument("--threads", type=threads, metavar="N", help="threads to compute with (default: as usual)")
    add_network_options(parser)
    add_plan_options(parser)
    add_format(parser)


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Plan the chosen networks, run them in turn, and print both."""
    from tnc import driver
    from tnc.cli.progress import Progress
    from tnc.cost.device_file import find_profile
    from tnc.diagnostics import CompileError
    from tnc.measure.comparison import bench
    from tnc.measure.comparison_text import bench_json, bench_text

    options = read_options(arguments)
    profile = find_profile(options.device)
    elaborated = driver.elaborate(read_file(arguments.file, options.limits), options)
    planned = [driver.plan(network, options) for network in elaborated.networks]
    broken = tuple(diagnostic for p in planned for diagnostic in p.broken)
    if broken:
        raise CompileError((*elaborated.warnings, *broken))
    progress = Progress("measuring")
    try:
        found = bench(planned, arguments.backend, profile, arguments.seconds, progress, arguments.threads)
    finally:
        progress.clear()
    if console.json:
        import json

        write_product(json.dumps(bench_json(found), indent=2, ensure_ascii=False) + "\n")
    else:
        write_product(bench_text(found))
    return console.show(elaborated.warnings) if elaborated.warnings else 0
