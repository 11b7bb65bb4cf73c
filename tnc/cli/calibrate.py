"""``tnc calibrate``: this machine becomes a device that plans can be made for."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING

from tnc.cli.arguments import Subparsers, add_measuring_options, add_subcommand
from tnc.cli.console import Console, write_product

if TYPE_CHECKING:
    from tnc.cli.progress import Progress
    from tnc.cost.device import Profile
    from tnc.cost.device_file import Json
    from tnc.diagnostics import CompileError


def add_to(subparsers: Subparsers) -> None:
    """Make the subcommand known."""
    parser = add_subcommand(subparsers, "calibrate", "measure this machine, so that plans can be made for it", run)
    parser.add_argument("name", metavar="NAME", help="what `--device` shall call it")
    parser.add_argument(
        "-b", "--backend", help="the backend to measure with (default: torch, or numpy if torch is not installed)"
    )
    parser.add_argument("-o", "--output", metavar="PATH", help="a file (default: one in the user's folder)")
    parser.add_argument("--force", action="store_true", help="replace a profile that is there already")
    add_measuring_options(parser, 100, "how long to measure, roughly")


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Measure, and write the profile whole or not at all; whatever forbids that is found before."""
    from tnc.cli.progress import Progress
    from tnc.cost.device_file import parse_profile, place, profile_text, user_folder
    from tnc.measure.machine import default_backend
    from tnc.writing.output import write_file

    _check_name(arguments.name)
    backend = arguments.backend or default_backend()
    given = arguments.output is not None
    path = Path(arguments.output) if given else user_folder() / place(arguments.name, backend)
    _check_place(path, arguments.force, made=not given)
    progress = Progress("measuring")
    try:
        text = profile_text(_measured(arguments, backend, progress))
    finally:
        progress.clear()
    profile = parse_profile(text, "what was measured")
    _refuse_to_replace(path, arguments.force)
    write_file(path, text, make_folders=not given)
    write_product(f"{_summary(profile)}\nwritten to {path}; `--device {path if given else arguments.name}` uses it\n")
    return console.show(())


def _measured(arguments: argparse.Namespace, backend: str, progress: Progress) -> dict[str, Json]:
    from tnc.diagnostics import CompileError
    from tnc.measure.calibrate import calibrate
    from tnc.measure.machine import this_machine

    machine = this_machine(backend, arguments.threads)
    try:
        return calibrate(arguments.name, backend, machine, arguments.seconds, progress)
    except (MemoryError, RuntimeError) as error:  # torch has RuntimeError for memory that is not there
        if isinstance(error, CompileError):
            raise
        reason = " ".join(str(error).split())[:200] or "there is not enough memory"
        help_text = "free some memory and try again; about 1.5 GiB are needed"
        raise _error("TN024", f"this machine cannot be measured: {reason}", help_text) from None


def _check_name(name: str) -> None:
    from tnc.cost.device_file import NAME, shipped

    if NAME.fullmatch(name) is None or name.endswith(".json"):
        help_text = (
            "a name has letters, digits, `.`, `_` and `-`, begins with a letter or digit, has at most 64 "
            "characters and does not end in `.json`"
        )
        raise _error("TN025", f"`{name}` cannot be the name of a device", help_text)
    if name in shipped():
        message = f"`{name}` is a device that the compiler knows already, and always means that one"
        raise _error("TN025", message, "choose another name")


def _check_place(path: Path, force: bool, *, made: bool) -> None:
    """Find out before minutes of measuring whether the profile can be written; ``made`` says that folders will be."""
    from tnc.writing.output import refuse_target
    from tnc.writing.replace import followed

    help_text = "make the folder, or name another place with `-o`"
    refuse_target(path)
    _refuse_to_replace(path, force)
    try:
        folder = followed(path).parent
        while made and not folder.exists() and folder != folder.parent:
            folder = folder.parent
        there, writable = folder.is_dir(), os.access(folder, os.W_OK | os.X_OK)
    except OSError:  # a folder on the way may not be searched
        raise _error("TN008", f"`{path}` cannot be reached", help_text) from None
    if not there:
        raise _error("TN008", f"`{folder}` is not a folder that can be written to", help_text)
    if not writable:
        raise _error("TN008", f"`{folder}` may not be written to", help_text)


def _refuse_to_replace(path: Path, force: bool) -> None:
    from tnc.reading import is_file

    if is_file(path) and not force:
        help_text = "give `--force` to replace it, or choose another name"
        raise _error("TN023", f"there is a profile already, `{path}`, and it is not replaced", help_text)


def _summary(profile: Profile) -> str:
    """The figures that a person knows of a machine."""
    rates = [f"{dtype} {rates.rate(512, 512, 512) / 1e9:.0f} GFLOP/s" for dtype, rates in profile.products]
    large = profile.bandwidth.values[-1] / 1e9
    return f"{profile.title}\n{', '.join(rates)}; memory {large:.1f} GB/s; a call {profile.call.forward * 1e6:.1f} µs"


def _error(code: str, message: str, help_text: str) -> CompileError:
    from tnc.diagnostics import CompileError, Diagnostic

    return CompileError((Diagnostic(code, message, help=help_text),))
