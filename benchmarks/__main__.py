"""The command line: ``python -m benchmarks --quick``; its commands are in ``python -m benchmarks --help``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from fnmatch import fnmatch
from pathlib import Path
from time import perf_counter

from benchmarks import machine
from benchmarks.cases import HERE, Case, all_cases

RESULTS = HERE / "results"


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, or write the report of what was measured."""
    options = _parser().parse_args(arguments)
    if options.command == "report":
        from benchmarks import length, ranking
        from benchmarks.report import document
        from benchmarks.results import read

        before = read(options.before) if options.before.exists() else None
        ranked = ranking.read(options.ranking) if options.ranking.exists() else ()
        note = options.note.read_text(encoding="utf-8") if options.note.exists() else ""
        lengths = length.read(options.lengths) if options.lengths.exists() else ()
        options.output.write_text(document(read(options.results), before, note, ranked, lengths), encoding="utf-8")
        return 0
    if options.command == "length":
        return _length(options.lengths)
    if options.command == "sharing":
        return _sharing(options)
    cases = [case for case in all_cases() if _asked_for(case, options)]
    if options.list:
        for case in cases:
            print(case.name, "(held out)" if case.held_out else "")
        return 0
    machine.use_threads(options.threads)
    if options.command == "jit":
        from benchmarks.jit import compared

        for line in compared(cases):
            print(line, flush=True)
        return 0
    return _rank(cases, options) if options.command == "rank" else _measure(cases, options)


def _rank(cases: Sequence[Case], options: argparse.Namespace) -> int:
    from benchmarks.ranking import Ranking, rank, write
    from tnc.cost.device_file import find_profile

    profile = find_profile(options.profile_of)
    found: list[Ranking] = []
    for case in cases:
        ranking = rank(case, profile, options.seconds if options.seconds is not None else 10.0)
        apart, right = ranking.pairs
        print(
            f"{case.name:32s} {len(ranking.plans):2d} plans, {right} of {apart} pairs, loss {ranking.loss:.2f}",
            flush=True,
        )
        found.append(ranking)
        write(found, options.ranking)
    return 0


def _length(path: Path) -> int:
    from benchmarks.length import Length, measured, write

    found: list[Length] = []
    for length in measured():
        what = length.refused or f"{length.seconds:.1f} s, {length.bytes / 2**20:.0f} MiB"
        print(f"{length.network:20s} {length.sites:6d}  {what}", flush=True)
        found.append(length)
    write(found, path)
    return 0


def _sharing(options: argparse.Namespace) -> int:
    from benchmarks.sharing import Shared, compared, write

    found: list[Shared] = []
    for shared in compared():
        print(f"{shared.network:45s} {shared.chosen.name}", flush=True)
        found.append(shared)
    write(found, options.shared, HERE.parent / "docs" / "shared-tensors.md")
    return 0


def _measure(cases: Sequence[Case], options: argparse.Namespace) -> int:
    from benchmarks.floor import measure_rates
    from benchmarks.measure import Protocol, measure
    from benchmarks.results import Results, read, write
    from benchmarks.text import summary
    from tnc.cost.device_file import find_profile

    only = frozenset(options.contender) if options.contender else None
    seconds = options.seconds if options.seconds is not None else (10.0 if options.profile == "quick" else 25.0)
    rounds = (3, 25) if options.profile == "quick" else (5, 40)
    calibrated = find_profile(options.device) if options.device else None
    protocol = Protocol(
        seconds, rounds, compiled=not options.no_compile, jax=not options.no_jax, only=only, calibrated=calibrated
    )
    rates = measure_rates()
    facts = machine.facts(options.threads)
    print(f"bandwidth {rates.bandwidth / 1e9:.1f} GB/s, GEMM {rates.gemm / 1e9:.0f} GFLOP/s", flush=True)
    known = read(options.output) if options.append and options.output.exists() else None
    if known is not None:
        done = {result.case for result in known.cases} if options.resume else set[str]()
        cases = [case for case in cases if case.name not in done]
    for case in cases:
        start = perf_counter()
        result = measure(case, rates, protocol)
        print(summary(result), f"  ({perf_counter() - start:.0f} s)\n", sep="\n", flush=True)
        new = Results(options.profile, facts, rates.bandwidth, rates.gemm, (result,))
        known = new if known is None else known.including(new)
        write(known, options.output)
    return 0


def _asked_for(case: Case, options: argparse.Namespace) -> bool:
    if options.only:
        return any(fnmatch(case.name, pattern) for pattern in options.only)
    return options.profile == "full" or case.quick


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.set_defaults(profile="quick", command="measure")
    profile = parser.add_mutually_exclusive_group()
    profile.add_argument("--quick", dest="profile", action="store_const", const="quick", help="minutes (the default)")
    profile.add_argument("--full", dest="profile", action="store_const", const="full", help="at most two hours")
    parser.add_argument("--only", nargs="+", metavar="CASE", help="these cases; * and ? are wildcards")
    parser.add_argument("--contender", nargs="+", metavar="NAME", help="ours and these contenders")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seconds", type=float, help="of timed rounds a case")
    parser.add_argument("--no-compile", action="store_true", help="nothing under torch.compile")
    parser.add_argument("--no-jax", action="store_true", help="nothing of JAX")
    parser.add_argument("--device", metavar="PROFILE", help="predict times by a profile of this machine, too")
    parser.add_argument("--append", action="store_true", help="into a file that is there, replacing its cases")
    parser.add_argument("--resume", action="store_true", help="with --append: only the cases that the file lacks")
    parser.add_argument("--list", action="store_true", help="print the cases' names")
    parser.add_argument("-o", "--output", type=Path, default=RESULTS / "results.json")
    commands = parser.add_subparsers()
    report = commands.add_parser("report", help="write the document")
    report.set_defaults(command="report")
    report.add_argument("results", type=Path, nargs="?", default=RESULTS / "results.json")
    report.add_argument("--ranking", type=Path, default=RESULTS / "ranking.json")
    report.add_argument("--lengths", type=Path, default=RESULTS / "length.json")
    report.add_argument("--before", type=Path, default=RESULTS / "before.json")
    report.add_argument(
        "--note", type=Path, default=RESULTS / "note.md", help="how the results were measured, in words"
    )
    report.add_argument("-o", "--output", type=Path, default=HERE.parent / "docs" / "benchmarks.md")
    rank = commands.add_parser("rank", help="time several plans a network, and compare the order with the prediction")
    rank.set_defaults(command="rank")
    rank.add_argument("profile_of", metavar="PROFILE", help="a profile of this machine, from `tnc calibrate`")
    rank.add_argument("--ranking", type=Path, default=RESULTS / "ranking.json", help="where the result goes")
    length = commands.add_parser("length", help="plan networks of growing length, each in a process of its own")
    length.set_defaults(command="length")
    length.add_argument("--lengths", type=Path, default=RESULTS / "length.json", help="where the result goes")
    shared = commands.add_parser(
        "sharing", help="plan networks with shared tensors both ways, measure six, and write the page"
    )
    shared.set_defaults(command="sharing")
    shared.add_argument("--shared", type=Path, default=RESULTS / "sharing.json", help="where the result goes")
    jit = commands.add_parser("jit", help="compile steps with XLA, and compare their memory with the prediction")
    jit.set_defaults(command="jit")
    return parser


if __name__ == "__main__":
    sys.exit(main())
