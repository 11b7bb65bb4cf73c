"""``tnc fit``: cores that give a tensor."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tnc.cli.arguments import (
    Once,
    Subparsers,
    add_format,
    add_network_options,
    add_subcommand,
    add_threads,
    read_file,
    read_options,
)
from tnc.cli.console import Console

if TYPE_CHECKING:
    from tnc.api import Network
    from tnc.fit.baselines import Baseline
    from tnc.fit.result import FitResult


@dataclass(frozen=True, slots=True)
class Fitted:
    """What is printed: the result, where it was written, and other decompositions of the target."""

    result: FitResult
    output: str
    size: int
    baselines: tuple[Baseline, ...]

    def __str__(self) -> str:
        """The result, and a table of the decompositions."""
        rows = [("", "parameters", "error"), (self.result.network, str(self.result.parameters), _error(self.result))]
        rows += [
            (b.name, str(b.parameters or "–"), "–" if b.error is None else f"{b.error:.4f}") for b in self.baselines
        ]
        first = max(len(row[0]) for row in rows)
        table = [f"{name:<{first}}  {count:>10}  {error:>6}" for name, count, error in rows]
        return "\n".join([str(self.result), f"written to        {self.output}, {self.size} bytes", "", *table])

    def to_dict(self) -> dict[str, object]:
        """The same for scripts."""
        compared = [{"name": b.name, "parameters": b.parameters, "error": b.error} for b in self.baselines]
        return {**self.result.to_dict(), "output": self.output, "bytes": self.size, "compared": compared}


def add_to(subparsers: Subparsers) -> None:
    """Make the subcommand known."""
    parser = add_subcommand(subparsers, "fit", "fit the cores of a network to a given tensor", run)
    parser.add_argument("file", metavar="FILE", help="a .tn file, - for standard input, or a topology such as `attn`")
    parser.add_argument(
        "--target",
        action=Once,
        metavar="FILE[:KEY]",
        required=True,
        help="a tensor of a .safetensors, .npz or .npy file",
    )
    parser.add_argument(
        "-o", "--output", action=Once, metavar="PATH", required=True, help="the safetensors file of cores to write"
    )
    parser.add_argument("--method", action=Once, default="auto", help="auto, als, lbfgs or adam (default: auto)")
    parser.add_argument("--steps", type=int, metavar="N", help="the most steps of the chosen restart")
    parser.add_argument("--restarts", type=int, default=4, metavar="N", help="how many starts are tried (default: 4)")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="chooses the starts (default: 0)")
    parser.add_argument("--goal", type=float, metavar="ERROR", help="the relative error at which to stop")
    parser.add_argument("--dtype", action=Once, help="what to compute in (default: that of the target)")
    parser.add_argument("--run-on", default="cpu", metavar="DEVICE", help="cpu or cuda (default: cpu)")
    parser.add_argument("--fresh", action="store_true", help="begin anew where a fit was interrupted")
    add_threads(parser)
    add_network_options(parser)
    add_format(parser)


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Fit, write the cores whole or not at all, and print what was reached."""
    from tnc.cli.progress import Progress
    from tnc.writing.output import refuse_target

    output = Path(arguments.output)
    refuse_target(output)
    _load_torch(arguments.threads)
    from tnc.fit import baselines, fit_cores
    from tnc.fit.files import read_target, write_cores
    from tnc.fit.target import target_tensor

    key, given = read_target(arguments.target)
    network = _network(arguments, given.shape)
    dtype = _dtype(arguments.dtype) or ("complex64" if given.dtype.kind == "c" else None)
    target = target_tensor(network, given, dtype, arguments.run_on)
    progress = Progress("fitting")
    try:
        result = fit_cores(
            network,
            target,
            method=arguments.method,
            steps=arguments.steps,
            restarts=arguments.restarts,
            seed=arguments.seed,
            goal=arguments.goal,
            device=arguments.run_on,
            progress=lambda done, total, error: progress(done, total, f", error {error:.4g}"),
            state=output.with_name(f"{output.name}.fit"),
            fresh=arguments.fresh,
        )
    finally:
        progress.clear()
    size = write_cores(output, network, result, key, arguments.file)
    compared = baselines(target, result.parameters)
    console.write(Fitted(result, str(output), size, compared))
    return console.show(network.warnings)


def _network(arguments: argparse.Namespace, shape: tuple[int, ...]) -> Network:
    from tnc.fit.networks import is_file_name, network_of_file, network_of_template

    options = read_options(arguments)
    if is_file_name(arguments.file):
        return network_of_file(read_file(arguments.file, options.limits), options, shape)
    return network_of_template(arguments.file, options, shape)


def _load_torch(threads: int | None) -> None:
    """Load PyTorch, and set the number of threads.

    Raises:
        CompileError: TN024 if it is not installed.
    """
    from tnc.extras import missing

    try:
        import torch
    except ModuleNotFoundError:
        raise missing("torch", "`tnc fit` cannot run") from None
    if threads is not None:
        torch.set_num_threads(threads)


def _dtype(dtype: str | None) -> str | None:
    """A dtype that a file of cores can have.

    Raises:
        CompileError: TN012 for any other.
    """
    from tnc.diagnostics import CompileError
    from tnc.diagnostics.suggest import unknown
    from tnc.fit.files import DTYPES

    if dtype is not None and dtype not in DTYPES:
        raise CompileError((unknown("TN012", "dtype", dtype, DTYPES),))
    return dtype


def _error(result: FitResult) -> str:
    return f"{result.error:.4f}"
