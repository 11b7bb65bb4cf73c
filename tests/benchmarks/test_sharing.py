"""Networks with shared tensors, both ways."""

from __future__ import annotations

import pytest

from benchmarks.sharing import MEASURED, NETWORKS, Shared, Way, page
from tnc import loads
from tnc.sharing import shared_tensors


def test_there_are_thirty_of_which_six_are_measured() -> None:
    assert len(NETWORKS) == 30
    assert len(MEASURED) == 6
    assert set(MEASURED) <= set(NETWORKS)


@pytest.mark.parametrize("name", [name for name in NETWORKS if not name.endswith(("of 20", "of 18"))])
def test_every_network_shares(name: str) -> None:
    network = loads(f"network main() {{ {NETWORKS[name]} }}").initialised
    assert shared_tensors(network.initialisation.optimised, {})


def test_the_page_has_both_ways_and_the_choice() -> None:
    way = Way("built", 2_000, 1024, 1e-3, 2e-3)
    other = Way("inlined", 1_000, 2048, 2e-3, 3e-3)
    text = page([Shared("squares", way, other, way), Shared("long", None, other, other)])
    assert "| squares | 2.00 k | 1.00 KiB | 1.00 ms | 1.00 k | 2.00 KiB | 2.00 ms | built |" in text
    assert "| long | – | – | – | 1.00 k | 2.00 KiB | 2.00 ms | inlined |" in text
    assert "| squares | 1.00 ms | 2.00 ms | 2.00 ms | 3.00 ms | built |" in text
