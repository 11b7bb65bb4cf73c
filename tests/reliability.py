"""The long runs of docs/reliability.md.

::

    python -m tests.reliability texts --count 100000      # mutated texts through check, expand and fmt
    python -m tests.reliability programs --count 2000     # random programs on three backends against the oracle
    python -m tests.reliability gradients --count 300     # their gradients on two backends, at kinks
    python -m tests.reliability functions --count 1600    # random functions: values and gradients at kinks and `where`

Each prints every defect with its text as it meets it, and counts and times at the end; exit code 1 if there were any.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from time import perf_counter, process_time
from traceback import format_exception

from tests.mutated_texts import corpus, examine, mutated_text


def main() -> int:
    """Run one of the four."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("what", choices=("texts", "programs", "gradients", "functions"))
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--start", type=int, default=0, help="the first seed")
    parser.add_argument("--seconds", type=float, default=10.0, help="what one text may take of the processor")
    arguments = parser.parse_args()
    seeds = range(arguments.start, arguments.start + arguments.count)
    if arguments.what == "functions":
        return random_functions(seeds)
    if arguments.what == "texts":
        return mutated_texts(seeds, arguments.seconds)
    return random_programs(seeds, gradients=arguments.what == "gradients")


def mutated_texts(seeds: range, seconds: float) -> int:
    """Every text within its time, without an exception."""
    started = perf_counter()
    defects: Counter[str] = Counter()
    slow: list[int] = []
    slowest, slowest_seed, characters = 0.0, -1, 0
    for done, seed in enumerate(seeds, 1):
        began = process_time()
        text = mutated_text(seed)
        defect = examine(text, seconds)
        took = process_time() - began
        characters += len(text)
        if took > 2:
            slow.append(seed)
        if took > slowest:
            slowest, slowest_seed = took, seed
        if defect is not None:
            defects[defect.kind] += 1
            print(
                f"=== {defect.kind}, seed {seed}\n{printable(defect.text)}\n--- {printable(defect.details)}", flush=True
            )
        if done % 5000 == 0:
            print(f"{done} texts, {perf_counter() - started:.0f} s, {defects.total()} defects", flush=True)
    print(
        f"{len(seeds)} mutations of {len(corpus())} texts ({characters / len(seeds):.0f} characters on average): "
        f"{defects.total()} defects {dict(defects)}, {perf_counter() - started:.0f} s, "
        f"the slowest {slowest:.2f} s (seed {slowest_seed}), {len(slow)} beyond 2 s {slow}"
    )
    return int(defects.total() > 0)


def printable(text: str) -> str:
    """The text, lone surrogates and all, as any terminal takes it."""
    return text.encode("utf-8", errors="backslashreplace").decode()


def random_programs(seeds: range, *, gradients: bool = False) -> int:
    """Every program equal to the oracle on every backend, and expanded; or equal gradients on PyTorch and JAX."""
    from tests.test_random_programs import check, check_gradients

    examine_program = check_gradients if gradients else check
    started = perf_counter()
    failed: list[int] = []
    for done, seed in enumerate(seeds, 1):
        try:
            examine_program(seed)
        except Exception as error:
            failed.append(seed)
            print(f"=== {type(error).__name__}, seed {seed}", *format_exception(error), sep="\n", flush=True)
        if done % 100 == 0:
            print(f"{done} programs, {perf_counter() - started:.0f} s, {len(failed)} defects", flush=True)
    count = 2 if gradients else 3
    print(
        f"{len(seeds)} programs on {count} backends: {len(failed)} defects {failed}, {perf_counter() - started:.0f} s"
    )
    return int(bool(failed))


def random_functions(seeds: range) -> int:
    """Every function with the oracle's values on three backends and its gradients on two, eight to a network."""
    from tests.random_functions import FUNCTIONS_OF_A_SEED, check_seed

    started = process_time()
    failed: list[int] = []
    for seed in range(seeds.start, seeds.start + -(-len(seeds) // FUNCTIONS_OF_A_SEED)):
        try:
            check_seed(seed)
        except Exception as error:
            failed.append(seed)
            print(f"=== {type(error).__name__}, seed {seed}", *format_exception(error), sep="\n", flush=True)
    count = FUNCTIONS_OF_A_SEED * -(-len(seeds) // FUNCTIONS_OF_A_SEED)
    print(f"{count} functions: {len(failed)} defects {failed}, {process_time() - started:.0f} s of the processor")
    return int(bool(failed))


if __name__ == "__main__":
    sys.exit(main())
