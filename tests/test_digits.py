"""The digits example: it runs, and what the README says of it holds."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.peers  # scikit-learn has the data, optax trains on JAX

SCRIPT = Path(__file__).parent.parent / "examples" / "digits.py"


def table(*options: str) -> dict[str, list[float]]:
    """What each kind of weight reaches: numbers, compression, mean accuracies by backend."""
    done = subprocess.run([sys.executable, str(SCRIPT), *options], capture_output=True, text=True, check=True)
    rows = re.findall(r"^(dense|generated|frozen) (.*)$", done.stdout, re.MULTILINE)
    return {kind: [float(number) for number in re.sub("×|± [0-9.]+", "", row).split()] for kind, row in rows}


def test_it_runs_on_both_backends() -> None:
    rows = table("--seeds", "1", "--epochs", "1")
    assert rows["dense"][:2] == [1024, 1.0]
    assert rows["generated"][:2] == rows["frozen"][:2] == [69, 14.8]
    assert all(0 <= accuracy <= 1 for row in rows.values() for accuracy in row[2:])
    assert {len(row) for row in rows.values()} == {4}


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["torch", "jax"])
def test_a_trained_generator_is_near_the_dense_weight_and_far_above_a_frozen_one(backend: str) -> None:
    rows = table("--backend", backend)
    assert rows["generated"][1] >= 10
    dense, generated, frozen = (rows[kind][2] for kind in ("dense", "generated", "frozen"))
    assert generated >= dense - 0.06
    assert generated >= frozen + 0.08
