"""The networks whose start is measured: every topology of the standard library, with 2^12 entries."""

from __future__ import annotations

from dataclasses import dataclass

DECLARED = 0.1
"""The deviation that every output declares."""

ACTIVATIONS = ("identity", "relu", "tanh")
BONDS = (2, 4)

_LEAVES = "[2] * 12"

INSIDE = {
    "ttn": f"ttn(dims = {_LEAVES}, chi = {{chi}}, act = {{act}})",
    "attn, 1 column": f"attn(dims = {_LEAVES}, chi = {{chi}}, layers = 1, act = {{act}})",
    "attn, 2 columns": f"attn(dims = {_LEAVES}, chi = {{chi}}, layers = 2, act = {{act}})",
    "attn, sparse": f'attn(dims = {_LEAVES}, chi = {{chi}}, placement = "sparse", act = {{act}})',
    "mera": f"mera(dims = {_LEAVES}, chi = {{chi}}, act = {{act}})",
    "mera, periodic": f"mera(dims = {_LEAVES}, chi = {{chi}}, periodic = true, act = {{act}})",
    "mera3": f"mera3(dims = {_LEAVES}, chi = {{chi}}, act = {{act}})",
    "brickwall, folded": "brickwall(dims = [{chi}] * {legs}, layers = 2, act = {act})",
    "brickwall, fixed": 'brickwall(dims = [{chi}] * {legs}, layers = 2, boundary = "fixed", act = {act})',
    "brickwall, trained": 'brickwall(dims = [{chi}] * {legs}, layers = 2, boundary = "trained", act = {act})',
    "tucker": "tucker(dims = [8] * 4, ranks = [{chi}] * 4, act = {act})",
}
"""Topologies with activations between their stages."""

OUTSIDE = {
    "mps": f"mps(dims = {_LEAVES}, chi = {{chi}}, last = {{act}})",
    "mpo": "mpo(outs = [2] * 6, ins = [2] * 6, chi = {chi}, last = {act})",
    "ring": f"ring(dims = {_LEAVES}, chi = {{chi}}, last = {{act}})",
    "cp": f"cp(dims = {_LEAVES}, rank = {{chi}}, last = {{act}})",
    "peps": f"peps(rows = 3, cols = 4, dims = {_LEAVES}, chi = {{chi}}, last = {{act}})",
}
"""Topologies of one multilinear region: the activation stands on the result."""


@dataclass(frozen=True, slots=True)
class Case:
    """A topology with its bond and activation."""

    topology: str
    chi: int
    act: str

    def text(self) -> str:
        """The network as a ``.tn`` file."""
        axes = self._axes()
        call = (INSIDE | OUTSIDE)[self.topology].format(chi=self.chi, act=self.act, legs=axes)
        return (
            f"network start() {{\n  let t = std.{call}\n  output w(x[0..{axes}]) std {DECLARED} = t(x[0..{axes}])\n}}\n"
        )

    def _axes(self) -> int:
        if self.topology == "tucker":
            return 4
        if self.topology.startswith("brickwall"):
            return {2: 12, 4: 6}[self.chi]  # a brick wall has no bonds but its legs
        return 12


def all_cases() -> list[Case]:
    """Every case, topology by topology."""
    return [Case(topology, chi, act) for topology in INSIDE | OUTSIDE for chi in BONDS for act in ACTIVATIONS]
