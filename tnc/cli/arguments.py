"""Options that several subcommands share, and what their values mean."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from io import UnsupportedOperation
from typing import TYPE_CHECKING, TypeAlias

from tnc.cli.console import Console
from tnc.cli.parser import Parser

if TYPE_CHECKING:
    from tnc.driver import Elaborated
    from tnc.limits import Limits
    from tnc.options import Options
    from tnc.source import Source

Subparsers: TypeAlias = "argparse._SubParsersAction[Parser]"  # pyright: ignore[reportPrivateUsage]
Run: TypeAlias = Callable[[argparse.Namespace, Console], int]

STDIN = "-"
MOST_SECONDS = 3600.0
MOST_THREADS = 4096
_MOST_DIGITS = 18


class Once(argparse.Action):
    """An option that takes one value: given twice, it would be unclear which is meant."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: str | Sequence[object] | None,
        option_string: str | None = None,
    ) -> None:
        """Keep the value, or refuse a second one."""
        if getattr(namespace, self.dest) != self.default:
            parser.error(f"`{option_string}` is given twice, and takes one value")
        setattr(namespace, self.dest, values)


def add_subcommand(subparsers: Subparsers, name: str, summary: str, run: Run) -> Parser:
    """A subcommand with the options that all of them have."""
    parser = subparsers.add_parser(name, help=summary, description=f"{summary[0].upper()}{summary[1:]}.")
    parser.add_argument("--color", choices=("auto", "always", "never"), default="auto", help="colour messages")
    parser.add_argument(
        "--limit", action="append", default=[], metavar="NAME=VALUE", help="change what the compiler is willing to do"
    )
    parser.set_defaults(run=run, parser=parser, format="text")
    return parser


def add_file_subcommand(subparsers: Subparsers, name: str, summary: str, run: Run) -> Parser:
    """A subcommand that takes one file."""
    parser = add_subcommand(subparsers, name, summary, run)
    parser.add_argument("file", metavar="FILE", help="a .tn file, or - for standard input")
    return parser


def add_format(parser: Parser, *more: str) -> None:
    """``--format`` and its short form."""
    parser.add_argument("--format", choices=("text", "json", *more), help="what to print (default: text)")
    parser.add_argument("--json", dest="format", action="store_const", const="json", help="short for --format json")


def add_network_options(parser: Parser) -> None:
    """What chooses and completes networks."""
    parser.add_argument(
        "--network", action=Once, metavar="NAME", help="this network only (default: all that lack no argument)"
    )
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="an argument for a parameter; VALUE is an expression of the language, as in 'dims=[2]*9'",
    )
    parser.add_argument(
        "--allow", action="append", default=[], metavar="CODE", help="a lint not to be told, such as TN805, or `all`"
    )
    parser.add_argument(
        "--deny", action="append", default=[], metavar="CODE", help="a lint that is an error here, or `all`"
    )


def add_plan_options(parser: Parser) -> None:
    """What chooses and completes networks, and what plans of them are made for."""
    add_network_options(parser)
    parser.add_argument(
        "-b", "--backend", default="torch", help="torch, jax, numpy or an installed one (default: torch)"
    )
    parser.add_argument(
        "--size", action="append", default=[], metavar="NAME=N", help="size of a dynamic dimension (default: 1)"
    )
    parser.add_argument("--dtype", default="float32", help="what to count bytes in (default: float32)")
    parser.add_argument(
        "--device", metavar="NAME|PATH", help="the device to plan for, or a profile of it (default: generic-cpu)"
    )
    parser.add_argument(
        "--objective",
        choices=("time", "flops", "memory"),
        default="time",
        help="what to minimize (default: time)",
    )
    parser.add_argument("--forward-only", action="store_true", help="plan for the forward pass alone")
    parser.add_argument(
        "--no-input-grads",
        dest="input_grads",
        action="store_false",
        help="the inputs need no gradients, as in the first layer of a model",
    )


def add_measuring_options(parser: Parser, default: int, summary: str) -> None:
    """How long to measure, and with how many threads."""
    parser.add_argument(
        "--seconds", type=_seconds, default=float(default), metavar="N", help=f"{summary} (default: {default})"
    )
    add_threads(parser)


def add_threads(parser: Parser) -> None:
    """How many threads compute."""
    parser.add_argument("--threads", type=_threads, metavar="N", help="threads to compute with (default: as usual)")


def read_options(arguments: argparse.Namespace) -> Options:
    """The options of the driver.

    Raises:
        CompileError: for values that are malformed.
    """
    from tnc.diagnostics import LintLevels
    from tnc.options import Options
    from tnc.source import Source

    assignments = _pairs(getattr(arguments, "set", []), "--set", "TN005", "chi=4")
    sizes = _pairs(getattr(arguments, "size", []), "--size", "TN007", "batch=64")
    return Options(
        network=getattr(arguments, "network", None),
        arguments=tuple((name, Source(f"--set {name}", value)) for name, value in assignments),
        sizes=tuple((name, _positive(value, f"--size {name}", "TN007")) for name, value in sizes),
        dtype=getattr(arguments, "dtype", None) or "float32",
        device=getattr(arguments, "device", None),
        objective=getattr(arguments, "objective", "time"),
        forward_only=getattr(arguments, "forward_only", False),
        input_grads=getattr(arguments, "input_grads", True),
        limits=read_limits(arguments),
        lints=LintLevels(
            _lints(getattr(arguments, "allow", []), "--allow"), _lints(getattr(arguments, "deny", []), "--deny")
        ),
    )


def read_networks(arguments: argparse.Namespace) -> tuple[Elaborated, Options]:
    """The networks of the file that are meant, and the options they were chosen by.

    Raises:
        CompileError: for values that are malformed, and for all that is wrong with the file.
    """
    from tnc import driver

    options = read_options(arguments)
    return driver.elaborate(read_file(arguments.file, options.limits), options), options


def read_limits(arguments: argparse.Namespace) -> Limits:
    """The limits, changed as ``--limit`` says."""
    from dataclasses import fields, replace

    from tnc.diagnostics import CompileError, Diagnostic
    from tnc.diagnostics.suggest import unknown
    from tnc.limits import LARGEST, Limits

    known = [field.name for field in fields(Limits)]
    changes: dict[str, int] = {}
    for name, value in _pairs(arguments.limit, "--limit", "TN009", "steps=5000000"):
        if name not in known:
            raise CompileError((unknown("TN009", "limit", name, known),))
        changes[name] = _positive(value, f"--limit {name}", "TN009")
        most: int = getattr(LARGEST, name)
        if changes[name] > most:
            message = f"`{value}` is too large for the limit `{name}`"
            raise CompileError((Diagnostic("TN009", message, help=f"it can be {most} at most"),))
    return replace(Limits(), **changes)


def read_file(path: str, limits: Limits) -> Source:
    """A file, or standard input for ``-``.

    Raises:
        CompileError: if it cannot be read.
    """
    from tnc.diagnostics import CompileError, Diagnostic
    from tnc.reading import decode_source, read_source, reason

    if path != STDIN:
        return read_source(path, limits)
    try:
        data = _read_stdin(limits.file_bytes + 1)
    except OSError as error:
        message = f"standard input cannot be read: {reason(error)}"
        raise CompileError((Diagnostic("TN001", message, help="name a file instead of `-`"),)) from None
    return decode_source("<stdin>", data, limits)


def _read_stdin(most: int) -> bytes:
    from tnc.reading import read_descriptor

    try:
        descriptor = sys.stdin.fileno()
    except UnsupportedOperation:  # a stand-in without a descriptor
        return sys.stdin.buffer.read(most)
    return read_descriptor(descriptor, most)


def _threads(text: str) -> int:
    """A number of threads, for argparse."""
    if text.isascii() and text.isdigit() and 0 < int(text[:9]) <= MOST_THREADS:
        return int(text)
    raise argparse.ArgumentTypeError(f"`{text}` is not a number of threads from 1 to {MOST_THREADS}")


def _seconds(text: str) -> float:
    """How long to measure, for argparse."""
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if 0.0 < number <= MOST_SECONDS:
        return number
    raise argparse.ArgumentTypeError(f"`{text}` is not a number of seconds up to {MOST_SECONDS:.0f}")


def _lints(texts: list[str], option: str) -> frozenset[str]:
    from tnc.diagnostics import CATALOGUE, LINTS, CompileError, Diagnostic
    from tnc.diagnostics.suggest import did_you_mean

    codes: set[str] = set()
    for name in (part.strip() for text in texts for part in text.split(",")):
        code = name.upper()
        if name != "all" and code not in LINTS:
            message = f"`{option} {name}` names no lint"
            hint = did_you_mean(code, {*LINTS, "all"}) or "`tnc help` lists the lints, which are TN8xx"
            if code in CATALOGUE:
                hint = f"{code} is an error, and always told; lints are TN8xx"
            raise CompileError((Diagnostic("TN016", message, help=hint),))
        codes |= LINTS if name == "all" else {code}
    return frozenset(codes)


def _pairs(texts: list[str], option: str, code: str, example: str) -> list[tuple[str, str]]:
    from tnc.diagnostics import CompileError, Diagnostic

    pairs: list[tuple[str, str]] = []
    for text in texts:
        name, equals, value = text.partition("=")
        name = name.strip()
        if not equals or not name.isidentifier() or not value.strip():
            message = f"`{option} {text}` does not read as a name, `=` and a value"
            raise CompileError((Diagnostic(code, message, help=f"write it as `{option} {example}`"),))
        if name in dict(pairs):
            raise CompileError((Diagnostic(code, f"`{option} {name}` is given twice", help="keep one of the two"),))
        pairs.append((name, value))
    return pairs


def _positive(text: str, option: str, code: str) -> int:
    from tnc.diagnostics import CompileError, Diagnostic

    digits = text.strip().replace("_", "")
    whole = digits.isascii() and digits.isdigit()
    if whole and len(digits) <= _MOST_DIGITS and int(digits) > 0:
        return int(digits)
    if whole and len(digits) > _MOST_DIGITS:
        message = f"the number of {len(digits)} digits is not a size: `{option}` takes {_MOST_DIGITS} at most"
    else:
        message = f"`{text}` is not a size: `{option}` takes a positive integer"
    raise CompileError((Diagnostic(code, message),))
