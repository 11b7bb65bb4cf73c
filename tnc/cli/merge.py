"""``tnc merge``: files of cores become files of dense weights."""

from __future__ import annotations

import argparse
from pathlib import Path

from tnc.cli.arguments import Once, Subparsers, add_format, add_subcommand
from tnc.cli.console import Console


def add_to(subparsers: Subparsers) -> None:
    """Make the subcommand known."""
    parser = add_subcommand(subparsers, "merge", "build the dense weights of a file of cores", run)
    parser.add_argument("file", metavar="CORES", help="a safetensors file that `save_layers` or `tnc fit` wrote")
    parser.add_argument(
        "-o",
        "--output",
        action=Once,
        metavar="PATH",
        required=True,
        help="the safetensors file to write, with the keys of the dense model",
    )
    parser.add_argument(
        "--base",
        action="append",
        default=[],
        metavar="PATH",
        help="a safetensors file of the dense model: its other tensors are copied, and adapters add to its weights",
    )
    parser.add_argument(
        "--adapter", action="append", default=[], metavar="NAME", help="add this adapter only (default: those enabled)"
    )
    parser.add_argument("--dtype", action=Once, help="dtype of all floating-point tensors (default: their own)")
    add_format(parser)


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Write the dense weights, one after the other, and print what was written."""
    from tnc.cli.progress import Progress
    from tnc.layers.merge import merge_file
    from tnc.writing.output import refuse_target

    refuse_target(Path(arguments.output))
    progress = Progress("merging")
    try:
        merged = merge_file(
            arguments.file,
            arguments.output,
            bases=arguments.base,
            adapters=arguments.adapter,
            dtype=arguments.dtype,
            progress=progress,
        )
    finally:
        progress.clear()
    console.write(merged)
    return console.show(())
