"""Values of networks with shared tensors: against the oracle, and whatever is merged."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tnc
from tests.agreement import assert_agreement
from tests.evaluate_program import evaluate_program, random_tensors
from tests.program_strategies import programs
from tests.sharing.shared_programs import shared_program
from tnc import sharing
from tnc.ir import verify_program
from tnc.ir.program import Program
from tnc.passes import run_passes
from tnc.passes.merge_contractions import inner_uses
from tnc.sharing.problem import SharingProblem
from tnc.sharing.shared import Uses, merged

BUNDLE = 10
SIZES = {"batch": 3}


@given(program=programs(complex_valued=True), data=st.data())
@settings(max_examples=150, deadline=None)
def test_merging_any_uses_keeps_the_value(program: Program, data: st.DataObject) -> None:
    optimised = run_passes(program)
    uses = inner_uses(optimised)
    chosen: Uses = frozenset(data.draw(st.sets(st.sampled_from(uses)))) if uses else frozenset()
    after = merged(optimised, chosen)
    verify_program(after)
    assert after.parameters == program.parameters
    tensors = {name: value * (1 + 0.5j) for name, value in random_tensors(program, sizes=SIZES).items()}
    expected = evaluate_program(optimised, tensors, SIZES)
    found = evaluate_program(after, tensors, SIZES)
    for name, value in expected.items():
        np.testing.assert_allclose(found[name], value, rtol=1e-9, atol=1e-9 * (1 + np.abs(value).max(initial=0)))


def check(seed: int) -> None:
    """A random program by every backend and objective; the tensors that are merged are chosen by cost."""
    text = shared_program(seed)
    try:
        assert_agreement(
            text,
            network="main",
            sizes={"batch": 1 + seed % 4} if "batch?" in text else {},
            objective=("time", "flops", "memory")[seed % 3],
            seed=seed,
            ill_conditioned=True,
        )
    except Exception as error:
        error.add_note(f"seed {seed}:\n{text}")
        raise


def at_random(problem: SharingProblem, seed: int) -> Iterator[Uses]:
    """One set of uses, drawn from all."""
    random = Random(seed)
    yield frozenset(use for tensor in problem.tensors for use in tensor.uses if random.random() < 0.6)


@pytest.mark.parametrize("bundle", range(2))
def test_shared_programs(bundle: int) -> None:
    for seed in range(BUNDLE * bundle, BUNDLE * (bundle + 1)):
        check(seed)


@pytest.mark.parametrize("bundle", range(1))
def test_shared_programs_with_any_uses_merged(bundle: int, monkeypatch: pytest.MonkeyPatch) -> None:
    for seed in range(BUNDLE * bundle, BUNDLE * (bundle + 1)):
        with monkeypatch.context() as patch:
            patch.setattr(sharing, "decide", partial(sharing.decide, searches=(partial(at_random, seed=seed),)))
            check(seed)


@pytest.mark.slow
@pytest.mark.parametrize("bundle", range(2, 34))
def test_many_shared_programs(bundle: int, monkeypatch: pytest.MonkeyPatch) -> None:
    test_shared_programs(bundle)
    test_shared_programs_with_any_uses_merged(bundle, monkeypatch)


def test_programs_share() -> None:
    """The random programs are what they are meant to be: most have shared tensors, and some of those are inlined."""
    found = [tnc.loads(shared_program(seed), network="main").initialised.initialisation for seed in range(40)]
    shared = [sharing.shared_tensors(each.optimised, {"batch": 2}) for each in found]
    assert sum(map(bool, shared)) >= 20
    assert sum(len(tensors) > 1 for tensors in shared) >= 8
