"""Random programs full of tensors that are used several times: squares, Gram matrices, tied layers, instances."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from math import prod
from random import Random
from typing import TypeAlias

Dim: TypeAlias = int | None
"""A dimension; None is the dynamic one."""

MOST_ENTRIES = 600
"""Maximum number of entries of a tensor that is defined, dynamic axes not counted."""


@dataclass(frozen=True)
class Named:
    """Something that can be used, and its axes."""

    text: str
    shape: tuple[Dim, ...]


@dataclass
class Statement:
    """One product being written: the factors, and how often each leg is used."""

    random: Random
    dims: dict[str, Dim] = field(default_factory=dict[str, Dim])
    uses: Counter[str] = field(default_factory=Counter[str])
    factors: list[str] = field(default_factory=list[str])

    def add(self, tensor: Named) -> None:
        """One more factor, its axes on legs that are there or on new ones; sometimes conjugated."""
        legs: list[str] = []
        for dim in tensor.shape:
            fitting = [leg for leg, other in self.dims.items() if other == dim and leg not in legs]
            if fitting and self.random.random() < 0.6:
                leg = self.random.choice(fitting)
            else:
                leg = f"l{len(self.dims)}"
                self.dims[leg] = dim
            legs.append(leg)
        self.uses.update(legs)
        text = f"{tensor.text}({', '.join(legs)})"
        self.factors.append(f"conj({text})" if self.random.random() < 0.25 else text)

    def close(self, open_legs: int) -> tuple[str, ...]:
        """Choose the legs of the result: those used once, as far as they fit, and a few others."""
        kept: list[str] = []
        for leg in sorted(self.dims, key=lambda leg: (self.uses[leg] > 1, leg)):
            once = self.uses[leg] == 1
            entries = prod(dim or 1 for dim in (self.dims[other] for other in (*kept, leg)))
            if (once or self.random.random() < 0.15) and len(kept) < open_legs and entries <= MOST_ENTRIES:
                kept.append(leg)
            elif once:
                self.factors.append(f"ones({leg})")
        self.random.shuffle(kept)
        return tuple(kept)

    @property
    def text(self) -> str:
        """The product, sometimes scaled."""
        product = " * ".join(self.factors)
        return f"{self.random.choice(['0.5', '-2', '3 / 2'])} * {product}" if self.random.random() < 0.2 else product


def shared_program(seed: int) -> str:
    """The text of a seed, with one target, ``main``."""
    random = Random(f"shared {seed}")
    writer = _Writer(random)
    writer.part()
    return writer.main()


@dataclass
class _Writer:
    random: Random
    lines: list[str] = field(default_factory=list[str])
    shapes: dict[str, tuple[Dim, ...]] = field(default_factory=dict[str, tuple[Dim, ...]])

    def cores(self, prefix: str) -> list[Named]:
        cores: list[Named] = []
        for number in range(self.random.randint(2, 4)):
            shape = tuple(self.random.choice([2, 2, 3]) for _ in range(self.random.randint(1, 3)))
            kind = self.random.choice(["", "", "", " complex", " frozen"])
            self.lines.append(f"  core {prefix}{number}({', '.join(map(str, shape))}){kind}")
            cores.append(Named(f"{prefix}{number}", shape))
        return cores

    def product(self, name: str, pool: list[Named], factors: int, *, output: bool, act: bool = False) -> Named:
        statement = Statement(self.random)
        for _ in range(factors):
            statement.add(self.random.choice(pool))
        legs = statement.close(self.random.randint(0, 4))
        text = f"squash({statement.text})" if act else statement.text
        self.lines.append(f"  {'output ' if output else ''}{name}({', '.join(legs)}) = {text}")
        return Named(name, tuple(statement.dims[leg] for leg in legs))

    def part(self) -> None:
        """A network of which main makes instances."""
        self.lines.append("fn squash(t) = tanh(abs(t))\nnetwork part() {")
        cores = self.cores("p")
        self.shapes["part"] = self.product("t", cores, self.random.randint(2, 3), output=True).shape
        self.lines.append("}")

    def main(self) -> str:
        """The network in which shared tensors are used: by each other, by activations and by outputs."""
        random = self.random
        self.lines.append("network main() {")
        pool = self.cores("c")
        if random.random() < 0.5:
            self.lines.append("  input x(batch?, 3)")
            pool.append(Named("x", (None, 3)))
        shared: list[Named] = []
        if random.random() < 0.6:
            self.lines.append("  let a = part()")
            shared.append(Named("a", self.shapes["part"]))
        for number in range(random.randint(1, 3)):
            shared.append(self.product(f"s{number}", [*pool, *shared], random.randint(2, 3), output=False))
        for number in range(random.randint(1, 3)):
            act = random.random() < 0.4
            pool.append(self.product(f"h{number}", [*shared, *shared, *pool], 2, output=False, act=act))
        for number in range(random.randint(1, 3)):
            self.product(f"out{number}", [*shared, *shared, *pool], random.randint(1, 3), output=True)
        return "\n".join([*self.lines, "}", ""])
