"""Random programs: every backend and the expanded text against the oracle."""

from __future__ import annotations

import pytest

from tests.agreement import assert_agreement, assert_equal_gradients
from tests.random_programs import random_program

# a test takes a handful, so that a failure names few seeds and parallel runs have something to share
BUNDLE = 10

# a GELU's far tail over its own root mean square, in which 1 + erf cancels
FOUND = (20568,)


def check(seed: int) -> None:
    program = random_program(seed)
    dynamic = any(None in shape for shape in program.inputs.values())
    try:
        assert_agreement(
            program.text,
            network="main",
            sizes={"batch": 1 + seed % 4} if dynamic else {},
            dtype="complex128" if program.complex else "float64",
            seed=seed,
            ill_conditioned=True,
        )
    except Exception as error:
        error.add_note(f"seed {seed}:\n{program.text}")
        raise


def check_gradients(seed: int) -> None:
    """PyTorch and JAX have the same gradients, finite ones, with many entries exactly at kinks."""
    program = random_program(seed)
    try:
        assert_equal_gradients(
            program.text,
            network="main",
            sizes={"batch": 1 + seed % 4},
            seed=seed,
            dtype="complex128" if program.complex else "float64",
        )
    except Exception as error:
        error.add_note(f"seed {seed}:\n{program.text}")
        raise


def test_gradients_of_random_programs() -> None:
    for seed in range(5):
        check_gradients(seed)


@pytest.mark.slow
@pytest.mark.parametrize("bundle", range(1, 31))
def test_gradients_of_many_random_programs(bundle: int) -> None:
    for seed in range(BUNDLE * bundle, BUNDLE * (bundle + 1)):
        check_gradients(seed)


@pytest.mark.parametrize("bundle", range(22))
def test_random_programs(bundle: int) -> None:
    for seed in range(BUNDLE * bundle, BUNDLE * (bundle + 1)):
        check(seed)


@pytest.mark.parametrize("seed", FOUND)
def test_what_long_runs_found(seed: int) -> None:
    check(seed)


@pytest.mark.slow
@pytest.mark.parametrize("bundle", range(22, 300))
def test_many_random_programs(bundle: int) -> None:
    for seed in range(BUNDLE * bundle, BUNDLE * (bundle + 1)):
        check(seed)
