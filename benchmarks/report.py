"""``docs/benchmarks.md``, written from the results."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from textwrap import dedent

from benchmarks import bars, floor
from benchmarks.contenders import registry
from benchmarks.length import Length, growth
from benchmarks.ranking import Ranking
from benchmarks.results import CaseResult, Entry, Results
from benchmarks.text import factor, seconds, timing
from tests.markdown import wrapped

_MARKS = {True: "met", False: "**not met**", None: "–"}


def document(
    results: Results,
    before: Results | None,
    note: str = "",
    rankings: Sequence[Ranking] = (),
    lengths: Sequence[Length] = (),
) -> str:
    """The whole page; ``note`` says how the results were measured."""
    parts = (
        _head(results),
        _note(note),
        _machine(results),
        _requirements(results),
        _predicted(results, before),
        _generated(results, before),
        _jax(results),
        _layers(results),
        _dense(results),
        _predictions(results),
        _ranked(rankings),
        _lengths(lengths),
        _everything(results),
        _missing(results),
    )
    return wrapped("\n".join(part.strip() + "\n" for part in parts if part))


def _head(results: Results) -> str:
    count = len(results.cases)
    held_out = sum(case.held_out for case in results.cases)
    return (
        _paragraphs(
            f"""
        # Benchmarks

        <!-- Written by `python -m benchmarks report` from benchmarks/results: do not edit. -->

        How long a training step takes: forward, and backward from a random cotangent, in float32. {count} networks were
        measured (profile *{results.profile}*), {held_out} of them held out: set aside, by a rule, before anything was
        tuned. The networks are in `benchmarks/networks`, each in two leg orders: *rows*, where row bits stand before
        column bits, and *interleaved*, where they alternate. An activation (relu) stands after every step but the last.

            python -m benchmarks --quick                  # minutes
            python -m benchmarks --full                   # at most two hours
            python -m benchmarks report                   # writes this page

        **Protocol.** All contenders of a network run in one process on the same cores, data and cotangent. Each is
        prepared (planned, compiled), checked (output and every gradient against `tensordot` in float64, float32 beyond
        2^22 entries; relative errors at most {tolerances()}), and run twice for warmth; then all run in turns, each
        round beginning with another. Times are medians with quartiles; a ratio is taken round by round.

        **Contenders.** `tensordot per core`: as written in the file, one `torch.tensordot` a gate, `movedim` behind it;
        `legs rotating`: without the `movedim`; `gates in twos`, `in threes`: neighbouring gates multiplied first, then
        applied. cotengra, opt_einsum and quimb get each linear region as a whole (everything between two activations);
        `random-greedy` is cotengra's best search that finds the same tree every time (128 seeded repeats). TensorLy,
        tensorly-torch and TensorKrowch take part where they have the network. The fastest two eager ones run under
        `torch.compile`, too. Ours is the generated module, in eager torch unless something else is said.
        """
        )
        + "**The floor.** "
        + _floor_text()
    )


def tolerances() -> str:
    """The tolerances of the check, in words."""
    from benchmarks.problem import GRADIENT_TOLERANCE, VALUE_TOLERANCE

    return f"{VALUE_TOLERANCE:g} and {GRADIENT_TOLERANCE:g}"


def _floor_text() -> str:
    """The module that computes the floor says what it is."""
    text = floor.__doc__ or ""
    return text.partition("\n\n")[2].strip()


def _note(note: str) -> str:
    return f"**What is measured here, and what is not.** {note}" if note else ""


def _machine(results: Results) -> str:
    rows = [(name, text) for name, text in results.machine.items()]
    rows += [
        ("bandwidth", f"{results.bandwidth / 1e9:.1f} GB/s (copies of 16 to 256 MiB, read and write)"),
        ("GEMM", f"{results.gemm / 1e9:.0f} GFLOP/s"),
    ]
    return "## The machine\n\n" + _table(("", ""), rows)


def _requirements(results: Results) -> str:
    rows = [
        (bar.what, bar.required, verdict.text, _MARKS[verdict.met], held_out.text if held_out.met is not None else "–")
        for bar, verdict, held_out in bars.judged(results)
    ]
    return "## Requirements\n\n" + _table(("", "required", "came out", "", "held out alone"), rows)


def _predicted(results: Results, before: Results | None) -> str:
    """What was expected before the compiler was tuned."""
    rows = [("before tuning", _speedups(before))] if before else []
    rows.append(("now", _speedups(results)))
    return _paragraphs(
        """
        ## What was predicted beforehand

        A throw-away prototype, which grouped neighbouring gates and kept legs where they lay, had been 3.3 to 3.9 times
        as fast as `tensordot` per core at 2^22; so 4× was required of the compiler, and 2.5× of trees, which have less
        to group. What came out, as geometric means over the generated weights with 2^22 and 2^24 entries:
        """
    ) + _table(("", "against the faster of `tensordot` per core and cotengra"), rows)


def _speedups(results: Results) -> str:
    texts: list[str] = []
    for topology in ("tree", "attn1", "attn2", "mera", "brick"):
        found = [s for case in bars.large(results.cases, topology) if (s := bars.baseline_speedup(case)) is not None]
        if found:
            texts.append(f"{topology} {factor(bars.geometric_mean(found))}")
    return ", ".join(texts) or "not measured"


def _generated(results: Results, before: Results | None) -> str:
    cases = [case for case in results.cases if case.kind == "generate"]
    header = (
        "network",
        "floor",
        "ours",
        "over the floor",
        "before tuning",
        "`tensordot`",
        "cotengra",
        "best other",
        "",
    )
    seen = [case for case in cases if not case.held_out]
    unseen = [case for case in cases if case.held_out]
    text = "## Generated weights\n\nForward and backward. The last column is the best other's time over ours.\n\n"
    text += _table(header, [_generated_row(case, before) for case in seen])
    if unseen:
        text += "\n### Held out\n\n" + _table(header, [_generated_row(case, before) for case in unseen])
    return text


def _generated_row(case: CaseResult, before: Results | None) -> tuple[str, ...]:
    best = bars.best_other(case, "eager", "compiled")
    earlier = before.case(case.case) if before else None
    return (
        _name(case),
        seconds(case.floor_seconds),
        _entry(case.entry(registry.OURS)),
        _optional(bars.floor_distance(case), factor),
        _optional(bars.ours(earlier) if earlier else None, seconds),
        _optional(bars.time_of(case, registry.TENSORDOT), seconds),
        _optional(bars.time_of(case, registry.COTENGRA, "cotengra auto-hq"), seconds),
        f"{seconds(best[1])}, {best[0]}" if best else "–",
        _optional(bars.best_speedup(case), factor),
    )


def _jax(results: Results) -> str:
    rows: list[tuple[str, ...]] = []
    for case in results.cases:
        mine, best = bars.best_other(case, "ours-jax"), bars.best_other(case, "jax")
        if mine and best:
            rows.append((_name(case), seconds(mine[1]), f"{seconds(best[1])}, {best[0]}", factor(best[1] / mine[1])))
    if not rows:
        return ""
    return "## JAX under `jit`\n\n" + _table(("network", "ours", "best other", ""), rows)


def _layers(results: Results) -> str:
    names = (
        registry.OURS,
        registry.TENSORLY_TORCH,
        "tensorly-torch reconstructed",
        registry.BUILD,
        registry.TENSORDOT,
        "tensordot, legs rotating",
        registry.COTENGRA,
    )
    rows = [
        (_name(case), seconds(case.floor_seconds), *(_entry(case.entry(name)) for name in names))
        for case in results.cases
        if case.kind == "apply"
    ]
    if not rows:
        return ""
    return "## TT-linear, 4096², rank 8\n\n" + _table(("layer", "floor", *names), rows)


def _dense(results: Results) -> str:
    rows: list[tuple[str, ...]] = []
    for case in results.cases:
        if case.kind == "train":
            best = bars.best_other(case, "eager")
            rows.append(
                (
                    _name(case),
                    seconds(case.floor_seconds),
                    _entry(case.entry(registry.OURS)),
                    _entry(case.entry(registry.DENSE)),
                    _optional(bars.dense_share(case), factor),
                    _entry(case.entry("dense layer, fused Adam")),
                    f"{seconds(best[1])}, {best[0]}" if best else "–",
                )
            )
    if not rows:
        return ""
    header = ("network", "floor", "ours", "dense layer", "ours over it", "dense, fused Adam", "best other generated")
    text = "## FC2: the whole step\n\nForward, backward and Adam at batch 128; the data want no gradient.\n\n"
    return text + _table(header, rows)


def _predictions(results: Results) -> str:
    rows: list[tuple[str, ...]] = []
    for case in results.cases:
        shown = case.prediction
        if shown is not None:
            rows.append(
                (
                    _name(case),
                    f"{shown.saved:,}",
                    "the same" if shown.saved == shown.saved_measured else f"{shown.saved_measured:,}",
                    f"{shown.peak:,}",
                    f"{shown.peak_measured:,}",
                    "–" if bars.jit_error(case) is None else f"{shown.peak_jax_predicted:,}",
                    "–" if shown.peak_jax is None else f"{shown.peak_jax:,}",
                    _optional(bars.ours(case) if case.kind != "train" else None, seconds),
                    _optional(shown.calibrated, seconds),
                    _optional(bars.calibrated_error(case), factor),
                    _optional(shown.seconds, seconds),
                    _optional(bars.time_error(case), factor),
                )
            )
    header = (
        "network",
        "saved bytes",
        "measured",
        "peak bytes",
        "measured",
        "under `jit`",
        "XLA's",
        "time",
        "predicted, this machine",
        "over it",
        "predicted, shipped profile",
        "over it",
    )
    return "## What the compiler says beforehand\n\n" + _table(header, rows)


def _ranked(rankings: Sequence[Ranking]) -> str:
    """Whether the predicted order of a network's plans is the measured one."""
    if not rankings:
        return ""
    rows: list[tuple[str, ...]] = []
    for ranking in rankings:
        apart, right = ranking.pairs
        name = f"{ranking.case} (held out)" if ranking.held_out else ranking.case
        rows.append(
            (name, str(len(ranking.plans)), str(apart), f"{right / apart:.0%}" if apart else "–", factor(ranking.loss))
        )
    pairs = [ranking.pairs for ranking in rankings]
    apart, right = sum(pair[0] for pair in pairs), sum(pair[1] for pair in pairs)
    enough = sum(a == 0 or r >= 0.9 * a for a, r in pairs)
    text = f"""
        ## Plans in the right order

        Of every network up to twelve plans whose predicted time (profile of this machine) is within 3× of the best
        were run in turns (`python -m benchmarks rank PROFILE`). Pairs whose measured times differ by more than 20 %
        should be predicted the right way round in at least 90 % of the cases. Of all {apart} such pairs
        {right / max(apart, 1):.0%} were; 90 % are reached in {enough} of {len(rankings)} networks. The last column is
        what the choice costs: the measured time of the plan that was predicted to be the best, over the least measured.
        """
    header = ("network", "plans", "pairs that differ by > 20 %", "right way round", "chosen over best")
    return _paragraphs(text) + _table(header, rows)


def _lengths(lengths: Sequence[Length]) -> str:
    """What planning takes as networks grow."""
    if not lengths:
        return ""
    exponents = growth(lengths)
    steepest = max(exponents, key=lambda network: exponents[network])
    text = f"""
        ## Planning against length

        From the text to the printed report, each network in a process of its own (`python -m benchmarks length`):
        processor time, start of Python and imports included, and the peak memory of the process. Sites are those of a
        chain or the leaves of a hierarchy. Between the two greatest lengths the time grows fastest for
        {steepest}, as the power {exponents[steepest]:.1f} of the length:
        {"above" if exponents[steepest] > 2 else "below"} quadratic.
        """
    rows = [
        (
            length.network,
            str(length.sites),
            length.refused or f"{length.seconds:.1f} s",
            f"{length.bytes / 2**20:.0f} MiB",
        )
        for length in lengths
    ]
    return _paragraphs(text) + _table(("network", "sites", "processor time", "peak memory"), rows)


def _everything(results: Results) -> str:
    """All times of all contenders; the columns are contenders."""
    names = list(
        dict.fromkeys(entry.contender for case in results.cases for entry in case.entries if entry.status == "measured")
    )
    compiled = [name for name in names if name.endswith("torch.compile")]
    plain = [name for name in names if name not in compiled]
    rows = [(_name(case), *(_entry(case.entry(name)) for name in plain)) for case in results.cases]
    text = "## All times\n\n" + _table(("network", *plain), rows)
    if compiled:
        text += "\nUnder `torch.compile`:\n\n" + _table(
            ("network", "contender", "time"),
            [
                (_name(case), entry.contender, timing(entry))
                for case in results.cases
                for entry in case.entries
                if entry.contender in compiled and entry.status == "measured"
            ],
        )
    return text


def _missing(results: Results) -> str:
    failed = [
        (case.case, entry.contender, f"`{re.sub(r'[`|]', ' ', entry.reason)}`")
        for case in results.cases
        for entry in case.entries
        if entry.status == "failed"
    ]
    refused: dict[tuple[str, str], int] = {}
    for case in results.cases:
        for entry in case.entries:
            if entry.status == "not applicable":
                key = entry.contender, entry.reason
                refused[key] = refused.get(key, 0) + 1
    text = "## Who is missing where\n\n"
    text += _table(("network", "contender", "error"), failed) if failed else "No contender failed.\n"
    rows = [(contender, reason, f"{count} networks") for (contender, reason), count in refused.items()]
    return text + "\nNot applicable:\n\n" + _table(("contender", "because", ""), rows)


def _name(case: CaseResult) -> str:
    return f"{case.case} (held out)" if case.held_out else case.case


def _entry(entry: Entry | None) -> str:
    if entry is None or entry.total is None:
        return "–"
    total = entry.total
    spread = max(total.high - total.middle, total.middle - total.low) / total.middle
    return f"{seconds(total.middle)} ±{spread:.0%}"


def _optional(value: float | None, text: Callable[[float], str]) -> str:
    return "–" if value is None else text(value)


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    return "\n".join(_lines(header, rows)) + "\n"


def _lines(header: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(header)} |"
    yield f"|{'---|' * len(header)}"
    for row in rows:
        yield f"| {' | '.join(row)} |"


def _paragraphs(text: str) -> str:
    return dedent(text).strip() + "\n\n"
