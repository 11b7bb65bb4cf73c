"""The benchmark networks: which file, which arguments, in which profile, held out or not.

The held-out third was drawn once, before anything was tuned: sort the names by the SHA-256 of their UTF-8 text, take
the first third (rounded down). ``held_out.txt`` keeps the result, and a test keeps it to the rule.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from tnc.api import Network, load

HERE = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Case:
    """A network of the suite.

    ``kind`` is ``generate`` (a weight is generated), ``apply`` (a layer on data; the cores are trained) or ``train``
    (the same with an optimizer step, against a dense layer). ``topology``, ``order`` and ``log_size`` say what it is
    in the words of the requirements. ``compiled`` asks for ``torch.compile``, too, ``jax`` for JAX's contenders.
    """

    name: str
    file: str
    network: str
    topology: str
    order: str
    log_size: int
    arguments: tuple[tuple[str, object], ...] = ()
    batch: int | None = None
    kind: str = "generate"
    quick: bool = False
    compiled: bool = False
    jax: bool = False

    @property
    def path(self) -> Path:
        """The network's file."""
        return HERE / "networks" / self.file

    @property
    def sizes(self) -> dict[str, int]:
        """The dynamic sizes."""
        return {} if self.batch is None else {"batch": self.batch}

    @property
    def held_out(self) -> bool:
        """Whether the network was set aside before tuning."""
        return self.name in held_out()

    def load(self) -> Network:
        """The network, elaborated."""
        arguments: Any = dict(self.arguments)
        return load(self.path, self.network, self.sizes, input_grads=False, **arguments)


@dataclass(slots=True)
class _Suite:
    cases: list[Case] = field(default_factory=list[Case])

    def generated(self, topology: str, order: str, n: int, quick: bool, chi: int = 2, jax: bool = False) -> None:
        """A weight with 2^n entries, bond (or, for brick walls, leaf dimension) chi."""
        compiled = chi == 2 and order == "rows" and n in (16, 20, 22)
        brick = topology == "brick"
        bits = {2: 1, 4: 2, 8: 3, 16: 4}
        named = (("n", n // bits[chi]), ("d", chi)) if brick else (("n", n), ("chi", chi))
        name = f"{topology}-{order}-2^{n}-{'leaf' if brick else 'bond'}{chi}"
        network = f"{topology}_{order}"
        self.cases.append(
            Case(name, f"{topology}.tn", network, topology, order, n, named, quick=quick, compiled=compiled, jax=jax)
        )


TOPOLOGIES = ("tree", "attn1", "attn2", "mera", "brick")
ORDERS = ("rows", "interleaved")


@cache
def all_cases() -> tuple[Case, ...]:
    """The whole suite, small networks first."""
    suite = _Suite()
    for n in (8, 10, 16, 20, 22, 24):
        for topology in TOPOLOGIES:
            for order in ORDERS:
                rows = order == "rows"
                quick = (rows and n in (10, 20, 22)) or (n == 22 and topology in ("tree", "attn1"))
                suite.generated(topology, order, n, quick, jax=rows and n in (16, 20, 22))
    for chi in (4, 8, 16):
        for topology in TOPOLOGIES:
            n = 18 if topology == "brick" and chi == 8 else 20
            suite.generated(topology, "rows", n, chi == 4 and topology == "brick", chi)
    for topology in ("attn1", "mera"):
        suite.generated(topology, "rows", 22, False, 4)
        suite.generated(topology, "interleaved", 20, False, 4)
    suite.cases += [*_mixed(), *_linear(), *_layers(), *_dense()]
    return tuple(suite.cases)


def _mixed() -> list[Case]:
    cases = [
        Case(f"vgg-{t}-rows", "mixed.tn", "vgg_rows", t, "rows", 21, (("topology", t),), quick=t == "attn1")
        for t in ("tree", "attn1", "mera", "brick")
    ]
    cases.append(Case("vgg-attn1-interleaved", "mixed.tn", "vgg_interleaved", "attn1", "interleaved", 21))
    cases += [
        Case(f"alexnet-{t}-rows", "mixed.tn", "alexnet_rows", t, "rows", 18, (("topology", t),))
        for t in ("tree", "attn1", "mera", "brick")
    ]
    return cases


def _linear() -> list[Case]:
    return [
        Case(f"{name}-2^20", "linear.tn", name, name, "rows", 20, quick=name == "train", jax=name == "train")
        for name in ("train", "ring", "tucker", "polyadic")
    ]


def _layers() -> list[Case]:
    modes = {"8^4": (8,) * 4, "16^3": (16,) * 3}
    return [
        Case(
            f"tt-linear-{text}-batch{batch}",
            "tt_linear.tn",
            "tt_linear",
            "tt-linear",
            "rows",
            24,
            (("modes", list(numbers)),),
            batch=batch,
            kind="apply",
            quick=text == "8^4" and batch in (1, 16, 128, 1024),
            jax=batch == 128,
        )
        for text, numbers in modes.items()
        for batch in (1, 16, 128, 512, 1024, 4096)
    ]


def _dense() -> list[Case]:
    return [
        Case(f"fc2-{t}-{o}", "fc2.tn", f"fc2_{t}_{o}", t, o, 24, batch=128, kind="train", quick=o == "rows")
        for o in ORDERS
        for t in ("tree", "attn1", "mera", "brick")
    ]


def drawn(names: tuple[str, ...]) -> tuple[str, ...]:
    """The third of some names that the rule sets aside."""
    return tuple(sorted(names, key=lambda name: sha256(name.encode()).hexdigest())[: len(names) // 3])


@cache
def held_out() -> frozenset[str]:
    """The names in ``held_out.txt``."""
    lines = (HERE / "held_out.txt").read_text(encoding="utf-8").splitlines()
    return frozenset(line for line in lines if line and not line.startswith("#"))
