"""The list of benchmark networks: names, files, and the third that was held out before tuning."""

from __future__ import annotations

import pytest

from benchmarks.cases import Case, all_cases, drawn, held_out


def test_names_are_distinct() -> None:
    names = [case.name for case in all_cases()]
    assert len(set(names)) == len(names)


def test_the_held_out_third_is_what_the_rule_draws() -> None:
    names = tuple(case.name for case in all_cases())
    assert held_out() == set(drawn(names))
    assert len(held_out()) == len(names) // 3


@pytest.mark.parametrize("case", [c for c in all_cases() if c.log_size <= 10], ids=lambda case: case.name)
def test_small_networks_have_the_size_that_their_names_say(case: Case) -> None:
    (output,) = case.load().outputs
    shape = case.load().program.shapes()[output.tensor]
    assert shape == (2 ** (case.log_size // 2),) * 2
