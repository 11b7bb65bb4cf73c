"""The pages of ``docs/`` about measurements, written from results."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from statistics import fmean, stdev

from studies.cases import ACTIVATIONS, DECLARED
from studies.deployment import ROUNDS, Deployment
from studies.initialisation import CaseResult
from studies.training import KindResult, Training
from tests.markdown import wrapped
from tnc.units import bytes_text, seconds_text

TOLERANCE, STANDARD_ERROR, WITHIN, ORDERS = 0.05, 0.015, 0.9, 100.0
"""What a start has to keep: the root, its error, the share of seeds in [0.5, 2], the spread of gradients."""


def _text(name: str) -> str:
    """The words of a page, with places for what was measured."""
    return (Path(__file__).parent / "texts" / f"{name}.txt").read_text(encoding="utf-8")


def initialisation(results: Sequence[CaseResult]) -> str:
    """``docs/initialisation.md``."""
    head = _text("initialisation").format(declared=DECLARED, verdict=_verdict(results))
    return wrapped(head + "\n".join(_starts(results, act) for act in ACTIVATIONS))


def shortfalls(result: CaseResult) -> list[str]:
    """What a case's ``auto`` cores do not keep."""
    start = result.auto
    found: list[str] = []
    if abs(start.root - 1) > TOLERANCE:
        found.append(f"deviation {start.root:.3f}")
    if start.error >= STANDARD_ERROR:
        found.append(f"standard error {_percent(start.error)}")
    if start.within < WITHIN:
        found.append(f"{_percent(start.within)} of the seeds")
    if start.spread > ORDERS:
        found.append(f"gradients {start.spread:.0f}×")
    return found


def _verdict(results: Sequence[CaseResult]) -> str:
    missed = [(result, shortfalls(result)) for result in results if shortfalls(result)]
    seeds = [result.auto.seeds for result in results]
    worst = max(results, key=lambda result: abs(result.auto.root - 1))
    fewest = min(results, key=lambda result: result.auto.within)
    widest = max(results, key=lambda result: result.auto.spread)
    normal = sum(result.normal.within >= WITHIN for result in results)
    text = (
        f"**Found.** Of {len(results)} cases, {len(results) - len(missed)} keep everything (at most {max(seeds)}"
        f" seeds each). The largest distance from the declared deviation is {_percent(abs(worst.auto.root - 1))}"
        f" ({_name(worst)}), the smallest share of seeds within a factor 2 is {_percent(fewest.auto.within)}"
        f" ({_name(fewest)}), the widest gradients are {widest.auto.spread:.1f}× ({_name(widest)}). Of plain normal"
        f" cores, {normal} cases have 90 % of the seeds within a factor 2."
    )
    for result, reasons in missed:
        text += f"\n\n* Not kept: {_name(result)}: {', '.join(reasons)}."
    return text


def _name(result: CaseResult) -> str:
    return f"{result.case.topology}, bond {result.case.chi}, {result.case.act}"


def _starts(results: Sequence[CaseResult], act: str) -> str:
    lines = [
        f"## {act}",
        "",
        "| topology | bond | numbers | drawn | deviation | seeds | gradients"
        " | normal: deviation | median seed | seeds | gradients |",
        f"|---|{'--:|' * 10}",
    ]
    for result in results:
        if result.case.act == act:
            auto, normal = result.auto, result.normal
            lines.append(
                f"| {result.case.topology} | {result.case.chi} | {result.parameters} | {auto.seeds}"
                f" | {auto.root:.3f} ± {auto.error:.3f} | {_percent(auto.within)} | {auto.spread:.1f}×"
                f" | {normal.root:.2f} ± {normal.error:.2f} | {normal.quantiles[1]:.2f}"
                f" | {_percent(normal.within)} | {normal.spread:.1f}× |"
            )
    return "\n".join(lines) + "\n"


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def training(results: Training) -> str:
    """``docs/training.md``."""
    seeds = len(results.kinds[0].curves)
    rows = [
        "| hidden weight | trained numbers | compression | rate | test accuracy | step, ms |",
        "|---|--:|--:|--:|--:|--:|",
        *(_kind(result) for result in results.kinds),
    ]
    text = _text("training").format(
        train=results.train,
        test=results.test,
        seeds=seeds,
        epochs=results.epochs,
        rates=", ".join(f"{rate:g}" for rate, _ in results.kinds[0].trials),
        table="\n".join(rows),
        reading=_reading(results),
        mps=_spread(results.mps),
        mps_seeds=", ".join(f"{accuracy:.3f}" for accuracy in results.mps),
    )
    return wrapped(text)


def deployment(results: Deployment, page: str) -> str:
    """``docs/deployment.md``: the page with the tables of the results in their places."""
    for name, table in (("forms", _forms(results)), ("kept", _kept(results))):
        before, start, rest = page.partition(f"<!-- measured: {name} -->\n")
        _, end, after = rest.partition("<!-- measured: end -->\n")
        page = f"{before}{start}\n{table}\n\n{end}{after}"
    return wrapped(page)


def _forms(results: Deployment) -> str:
    rows = [
        f"| {form.name} | {bytes_text(form.size)} | {seconds_text(form.load)}"
        f" | {' | '.join(map(seconds_text, form.seconds))} | {_scientific(form.error)} |"
        for form in results.forms
    ]
    head = [
        "| form | file | load | 1 image | 32 images | difference |",
        "|---|--:|--:|--:|--:|--:|",
    ]
    text = (
        f"A vision transformer of six blocks of width 384 for images of 32 × 32, the 24 linear layers of its blocks"
        f' generated with `Generated("attn", chi=4, act="silu")`. Load is from the file to the logits of a first image,'
        f" with all libraries imported; all times are seconds of the processor of one thread, the median of"
        f" {ROUNDS} calls where there are several. The difference is the largest of a logit from the model with"
        f" generated layers, whose largest logit is {results.scale:.2f}. Measured on {results.machine}, with"
        f" {results.versions}, by `python -m studies deployment`."
    )
    every, once, plain, *_ = results.forms
    extra = every.seconds[0] - once.seconds[0]
    reading = (
        f"The file of cores is {plain.size / every.size:.0f} times smaller than the plain one. Loading it compiles a"
        f" network for each distinct weight, which is what the {seconds_text(once.load)} are; a merged file loads in"
        f" {seconds_text(plain.load)}. Generating in every call costs {seconds_text(extra)} more for one image: it pays"
        " where cores still train, or where memory for the weights is short. Otherwise generate on load, or merge."
    )
    return "\n".join([text, "", *head, *rows, "", reading])


def _kept(results: Deployment) -> str:
    rows = [
        f"| {each.name} | {each.lines} | {bytes_text(each.size)} | {bytes_text(each.dense)} | {each.scale:.2f}"
        f" | {_scientific(each.loaded)} | {_scientific(each.merged)} | {_scientific(each.merged_file)}"
        f" | {'equal' if each.keys else 'different'} |"
        for each in results.kept
    ]
    head = [
        "| model | lines | file of cores | dense file | largest logit | loaded | merged | `tnc merge` | keys |",
        "|---|--:|--:|--:|--:|--:|--:|--:|---|",
    ]
    text = (
        "Lines are what the user writes beyond the usual loop, the import included. After two steps of training, the"
        " columns give the largest difference of a logit: after saving and loading into a fresh model, after"
        " `merge_layers`, and in the plain model with the file that `tnc merge` writes. Keys are those of the merged"
        " model and of that file, compared with the original's. The files of the first and the third model have"
        " everything, that of the second the adapters alone. The same command measured it."
    )
    return "\n".join([text, "", *head, *rows])


def _scientific(value: float) -> str:
    return f"{value:.0e}" if value else "0"


def _kind(result: KindResult) -> str:
    low, middle, high = result.step_ms
    frozen = result.kind == "frozen"
    numbers = "0" if frozen else f"{result.numbers:,}".replace(",", " ")
    compression = "–" if frozen else f"{result.compression:.0f}×"
    accuracy = _spread([curve[-1] for curve in result.curves])
    return (
        f"| {result.kind} | {numbers} | {compression} | {result.rate:g} | {accuracy}"
        f" | {middle:.1f} ({low:.1f} to {high:.1f}) |"
    )


def _spread(accuracies: Sequence[float]) -> str:
    deviation = stdev(accuracies) if len(accuracies) > 1 else 0.0
    return f"{fmean(accuracies):.3f} ± {deviation:.3f}"


def _reading(results: Training) -> str:
    """What the figures say, in words."""
    last = {result.kind: fmean(curve[-1] for curve in result.curves) for result in results.kinds}
    generated = {kind: value for kind, value in last.items() if kind not in ("dense", "frozen")}
    best, worst = max(generated, key=generated.__getitem__), min(generated, key=generated.__getitem__)
    step = {result.kind: result.step_ms[1] for result in results.kinds}
    slow = [step[kind] / step["dense"] for kind in generated]
    return (
        f"**Read with care.** A random hidden layer with a trained head is a strong baseline on this task: frozen,"
        f" {100 * last['frozen']:.1f} %. Dense is {100 * (last['dense'] - last['frozen']):.1f} points above it;"
        f" generated weights are between {100 * (last[worst] - last['frozen']):.1f} ({worst}) and"
        f" {100 * (last[best] - last['frozen']):.1f} points ({best}) above it, differences of the size of the deviation"
        f" over seeds. A step takes {min(slow):.1f} to {max(slow):.1f} times as long as with the dense weight: a layer"
        f" this small gains storage by being generated, not time."
    )
