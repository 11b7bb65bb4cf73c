"""Planning time and memory against length: from the text to the report, each network in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from math import log
from pathlib import Path
from time import process_time

LENGTHS = (100, 1_000, 10_000)
"""Sites of chains, and leaves of trees and MERA; the hierarchies end at :data:`LEAVES`."""

LEAVES = 4_096

_STATE = "core A[k in 0..n]([3 for j in max(0, k - 1)..k], 2, [3 for j in k..min(k + 1, n - 1)])"
_SITE = "(l[max(0, k - 1)..k], s[k], l[k..min(k + 1, n - 1)])"
_OTHER = _SITE.replace("l[", "m[")
_VECTORS = "core v[k in 0..n](2) output z() = t(x[0..n]) * prod(k in 0..n) v[k](x[k])"

NETWORKS = {
    "chain with vectors": f"{_STATE} core v[k in 0..n](2) output z() = prod(k in 0..n) (A[k]{_SITE} * v[k](s[k]))",
    "MPS norm": f"{_STATE} output z() = prod(k in 0..n) (A[k]{_SITE} * A[k]{_OTHER})",
    "MPS layer, batch 16": f"{_STATE} input x(16, n, 2) output y(b) = prod(k in 0..n) (A[k]{_SITE} * x(b, [k], s[k]))",
    "tree with vectors": f"let t = std.ttn([2] * n, 3, act = identity) {_VECTORS}",
    "MERA with vectors": f"let t = std.mera([2] * n, 2, act = identity) {_VECTORS}",
}
"""The body of a network of ``n`` sites by name; bonds are 3, those of the MERA 2."""

_HIERARCHIES = frozenset({"tree with vectors", "MERA with vectors"})


@dataclass(frozen=True, slots=True)
class Length:
    """What one report takes: seconds of the processor, and bytes of the process at its peak; or why there is none."""

    network: str
    sites: int
    seconds: float
    bytes: int
    refused: str = ""


def measured() -> Iterator[Length]:
    """Every network at every length."""
    for network in NETWORKS:
        for length in LENGTHS:
            sites = min(length, LEAVES) if network in _HIERARCHIES else length
            command = [sys.executable, "-m", "benchmarks.length", network, str(sites)]
            output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
            yield Length(**json.loads(output))


def report(network: str, sites: int) -> Length:
    """Load, plan and report a network in this process, which should have done nothing else."""
    import tnc

    refused = ""
    try:
        str(tnc.loads(f"network long(n: int = {sites}) {{ {NETWORKS[network]} }}").report())
    except tnc.CompileError as error:
        refused = ", ".join(sorted({diagnostic.code for diagnostic in error.diagnostics}))
    return Length(network, sites, process_time(), _peak(), refused)


def _peak() -> int:
    """The most memory that this program has held, in bytes; ``ru_maxrss`` counts the process that started it, too."""
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    (line,) = (line for line in status.splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) * 1024


def growth(lengths: Sequence[Length]) -> dict[str, float]:
    """By network, the exponent of its processor time between the two greatest lengths."""
    exponents: dict[str, float] = {}
    for network in NETWORKS:
        found = [length for length in lengths if length.network == network and not length.refused]
        if len(found) > 1:
            before, after = found[-2:]
            exponents[network] = log(after.seconds / before.seconds) / log(after.sites / before.sites)
    return exponents


def write(lengths: Sequence[Length], path: Path) -> None:
    """Keep what was measured."""
    path.write_text(json.dumps([asdict(length) for length in lengths], indent=1) + "\n", encoding="utf-8")


def read(path: Path) -> tuple[Length, ...]:
    """What :func:`write` kept."""
    return tuple(Length(**entry) for entry in json.loads(path.read_text(encoding="utf-8")))


if __name__ == "__main__":
    print(json.dumps(asdict(report(sys.argv[1], int(sys.argv[2])))))
