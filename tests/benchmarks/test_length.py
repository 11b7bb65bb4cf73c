"""Planning against length: each network is measured in a process of its own, and the page says how the time grows."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.length import NETWORKS, Length, growth, read, report, write
from benchmarks.report import document
from benchmarks.results import Results


@pytest.mark.parametrize("network", NETWORKS)
def test_every_network_is_planned(network: str) -> None:
    assert report(network, 12).refused == ""


def test_a_process_prints_what_it_took() -> None:
    command = [sys.executable, "-m", "benchmarks.length", "MPS norm", "12"]
    found = Length(**json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout))
    assert (found.network, found.sites) == ("MPS norm", 12)
    assert 0.05 < found.seconds < 60
    assert 2**24 < found.bytes < 2**31


def test_the_page_says_how_the_time_grows(tmp_path: Path) -> None:
    lengths = (
        Length("MPS norm", 100, 1.0, 2**26),
        Length("MPS norm", 1_000, 2.0, 2**26),
        Length("MPS norm", 10_000, 2_000.0, 2**27),
        Length("tree with vectors", 100, 1.0, 2**26, "TN404"),
    )
    write(lengths, tmp_path / "length.json")
    assert read(tmp_path / "length.json") == lengths
    assert growth(lengths) == {"MPS norm": pytest.approx(3.0)}
    page = document(Results("quick", {}, 1e10, 1e11, ()), None, lengths=lengths)
    assert "| MPS norm | 10000 | 2000.0 s | 128 MiB |" in page
    assert "| tree with vectors | 100 | TN404 | 64 MiB |" in page
    assert "MPS norm, as the power 3.0 of the length: above quadratic" in " ".join(page.split())
