"""Random correct programs: what an author could have written, were the author a die.

A program is written statement by statement. Every expression is told which legs it may leave open
(``wanted``) and answers with those that it did; whatever else it uses it sums, so the text is
correct by construction.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from math import prod
from random import Random
from re import Match, findall, fullmatch, sub
from typing import TypeAlias

from tests.clashing_names import NASTY
from tests.oracle.pointwise import ACTIVATIONS
from tnc.ir.program_text import RESERVED

Dim: TypeAlias = int | None
"""A dimension; None is the dynamic one."""

POINTWISE = (
    *(f"{name}(#)" for name, defaults in ACTIVATIONS.items() if None not in defaults),
    "leaky_relu(#, 0.25)",
    "elu(#, 0.5)",
    "sin(#, w = 2)",
    "snake(#, 0.5)",
    "rational(#, 0.1, 1, 0.2, 0.05, 0.5, 0.25)",
    "identity(#)",
    "bump(#)",
    "fold(#, 2)",
    "fold(#)",
    "root(#)",
    "logarithm(#)",
    "sinc(#)",
    "saturated(#)",
)

# The last four have a branch that is not finite where it is not taken.
FUNCTIONS = """fn bump(t) = exp(-t^2 / 2) + 0.1 * t
fn root(t) = where(t > 1, sqrt(t), 0.5 * t + 0.5)
fn logarithm(t) = where(t > -1, log(2 + t), t + 1)
fn sinc(t) = where(t == 0, 1, sin(t) / t)
fn saturated(t) = where(t < 1, where(t < -1, max(-1 / t, 0.25), t), 2 - exp(1000 * (1 - t)))
fn fold(t, w = 0.5) =
  where(t > w, w + tanh(t - w), max(t, -2 * w)) + min(abs(t), 1) * cos(w * t) - log(1 + t^2) / sqrt(2 + sigmoid(t))
"""


@dataclass(frozen=True)
class Tensor:
    """Something that can be used: ``text`` before the legs, ``bindings`` after them."""

    text: str
    shape: tuple[Dim, ...]
    bindings: str = ""


@dataclass(frozen=True)
class Program:
    """A text with one target, ``main``; ``inputs`` are its inputs' shapes."""

    text: str
    complex: bool  # whether cores and inputs are to be complex that are not declared so
    inputs: dict[str, tuple[Dim, ...]]


def random_program(seed: int) -> Program:
    """The program of a seed."""
    random = Random(seed)
    linear = random.random() < 0.2
    parts: list[Part] = []
    texts = ["" if linear else FUNCTIONS]
    for k in range(random.choice([0, 0, 1, 2])):
        writer = Writer(random, linear=linear, name=f"part{k}", parts=tuple(parts))
        parts.append(writer.part())
        texts.append(writer.text())
    writer = Writer(random, linear=linear, name="main", parts=tuple(parts))
    writer.part()
    texts.append(writer.text())
    text = "\n".join(texts)
    # Decided apart, so that programs of a seed stay what they were.
    later = Random(f"{seed} complex cores")
    declared = linear and later.random() < 0.6
    if declared:
        text = _with_complex_cores(text, later)
    if later.random() < 0.04:
        text = _with_chain(text, later)
    lookup = Random(f"{seed} lookup")
    if lookup.random() < 0.5:
        text = _with_lookup(text, lookup, writer)
    partial = Random(f"{seed} applications")
    if partial.random() < 0.4:
        text = _with_applications(text, partial)
    if later.random() < 0.3:
        text = _with_clashing_names(text, later)
    return Program(text, linear and not declared, writer.inputs)


def _with_complex_cores(text: str, random: Random) -> str:
    """The program with some of its cores declared complex."""

    def declared(match: Match[str]) -> str:
        return f"{match[0]} complex" if random.random() < 0.5 else match[0]

    return sub(r"(?m)^  core [^(]*\((?:[^()]|\([^()]*\))*\)", declared, text)


def _with_lookup(text: str, random: Random, writer: Writer) -> str:
    """The program with one more output: entries that integers pick from its tensors, or from a generated one."""
    batch = random.choice(["", "batch?", "batch?", "2", "batch?, 2"])
    legs = ["b", "c"][: batch.count(",") + bool(batch)]
    shown = [*legs]
    declared: list[str] = []
    factors: list[str] = []
    for number in range(random.choice([1, 1, 2])):
        tensors = [each for each in writer.tensors if each.shape and all(each.shape)]
        if not tensors or random.random() < 0.3:
            declared.append(f"let lookup{number} = std.mpo([2, 3], [2, 2], 2)")
            axis = random.choice([0, 1, 3])
            declared.append(f"input ids{number}({batch}) index({[2, 3, 2, 2][axis]})")
            factors.append(_picks(f"lookup{number}", "", 4, axis, number, legs))
        else:
            tensor = random.choice(tensors)
            axis = random.randrange(len(tensor.shape))
            declared.append(f"input ids{number}({batch}) index({tensor.shape[axis]})")
            factors.append(_picks(tensor.text, tensor.bindings, len(tensor.shape), axis, number, legs))
        shown += findall(rf"i{number}_\d+", factors[-1])
    if random.random() < 0.5:
        declared.append("core weigh(3)")
        factors.append("weigh(k)")
        shown.append("k")
    kept = [leg for leg in shown if leg in legs or random.random() < 0.7]
    summed = [leg for leg in shown if leg not in kept]
    value = " * ".join([*factors, *([f"ones({', '.join(summed)})"] if summed else [])])
    if not writer.linear and random.random() < 0.3:
        value = f"tanh({value})"
    lines = [*declared, f"output picked({', '.join(kept)}) = {value}"]
    return text.rstrip().removesuffix("}") + "\n".join(f"  {line}" for line in lines) + "\n}\n"


def _picks(tensor: str, bindings: str, rank: int, axis: int, number: int, legs: list[str]) -> str:
    """A tensor of which integers pick entries along an axis."""
    index = f"[ids{number}({', '.join(legs)})]"
    written = [index if place == axis else f"i{number}_{place}" for place in range(rank)]
    return f"{tensor}({', '.join(written)}{bindings})"


def _with_chain(text: str, random: Random) -> str:
    """The program with one more output, the product of a long chain."""
    length = random.choice([40, 150, 400])
    conjugate = random.choice(["link[k](r[k], r[k + 1])", "conj(link[k](r[k], r[k + 1]))"])
    chain = (
        f"  core link[k in 0..{length}](2, 2)\n  output chain(r[0], r[{length}]) = prod(k in 0..{length}) {conjugate}"
    )
    return f"{text.rstrip().removesuffix('}')}{chain}\n}}"


def _with_applications(text: str, random: Random) -> str:
    """The program with ``main`` and some of its instances made by partial application."""
    heads = {
        "chi: int": "network main = whole(chi = 2)",
        "chi: int = 3": "network main = whole(2)",
        "bond: int, chi: int = bond": "network main = whole(bond = 2)",
        "n: int, m: int, chi: int = n - m": "let four = [4]\nnetwork some = whole(m = four[0])\nnetwork main = some(6)",
    }
    head = random.choice(list(heads))
    applications = [heads[head]]
    text = text.replace("network main(chi: int = 2)", f"network whole({head})")
    for part in sorted(set(findall(r"network (part\d+)\(", text))):
        if random.random() < 0.7:
            applications.append(f"network {part}_of_2 = {part}(chi = 2)")
            text = sub(rf"= {part}\((?:chi = )?2\)", f"= {part}_of_2()", text)
    random.shuffle(applications)
    if random.random() < 0.5:
        return "\n".join([text, *applications])
    return "\n".join([*applications, text])


def _with_clashing_names(text: str, random: Random) -> str:
    """The program with some of its names replaced by those that emitters have to change."""
    words = set(findall(r"\w+", text))
    free = [name for name in NASTY if name not in words and name not in _BUILT_IN]
    own = sorted(word for word in words if fullmatch(r"(?:c|h|p|x|out)\d+|own|bump|fold|root|sinc|link|chain", word))
    chosen = random.sample(own, min(len(own), 8))
    new: dict[str, str] = {}
    for word, name in zip(chosen, random.sample(free, len(chosen)), strict=True):
        if name not in new.values() and name not in RESERVED:  # some are listed twice, or are words of the language
            new[word] = name
    return sub(r"\w+", lambda match: new.get(match[0], match[0]), text)


_BUILT_IN = frozenset({"leaky_relu", "rms", "gelu", "snake", "rational", "len", "True", "False"})
"""Names and words of the language itself, or taken for one, which nothing else can have."""


@dataclass(frozen=True)
class Part:
    """A network that others may use."""

    name: str
    inputs: dict[str, tuple[Dim, ...]]
    outputs: dict[str, tuple[Dim, ...]]


@dataclass
class Writer:
    """One network being written."""

    random: Random
    linear: bool
    name: str
    parts: tuple[Part, ...]
    lines: list[str] = field(default_factory=list[str])
    tensors: list[Tensor] = field(default_factory=list[Tensor])
    scalars: list[str] = field(default_factory=list[str])
    inputs: dict[str, tuple[Dim, ...]] = field(default_factory=dict[str, tuple[Dim, ...]])
    dims: dict[str, Dim] = field(default_factory=dict[str, Dim])
    names: int = 0

    def text(self) -> str:
        """The network."""
        parameters = "chi: int = 2" if self.name == "main" else "chi: int"
        return "\n".join([f"network {self.name}({parameters}) {{", *(f"  {line}" for line in self.lines), "}"])

    def part(self) -> Part:
        """Write everything."""
        random = self.random
        for k in range(random.choice([0, 0, 1, 2])):
            self.input(f"x{k}")
        for _ in range(random.randint(1, 2)):
            self.core(tuple(random.choice([1, 2, 3, 4, 6]) for _ in range(random.randint(1, 3))), remember=True)
        if not self.linear and random.random() < 0.5:
            self.scalars.append(self.core(()))
            self.lines.append(f"fn own(t) = t + {self.scalars[0]}() * sin(t)")
        for part in self.parts:
            self.instance(part)
        specials = [self.column, self.chain, self.folded_sum, self.library, self.loop, self.tail]
        for _ in range(random.randint(1, 4)):
            if random.random() < 0.35:
                random.choice(specials)()
            else:
                self.statement()
        outputs = {f"out{k}": self.statement(output=f"out{k}") for k in range(random.choice([1, 1, 2]))}
        return Part(self.name, self.inputs, outputs)

    # declarations

    def fresh(self, prefix: str) -> str:
        self.names += 1
        return f"{prefix}{self.names}"

    def input(self, name: str) -> None:
        dims: list[Dim] = [self.random.choice([1, 2, 3, 4]) for _ in range(self.random.randint(1, 2))]
        if self.random.random() < 0.5:
            dims.insert(0, None)
        self.inputs[name] = tuple(dims)
        self.tensors.append(Tensor(name, tuple(dims)))
        shape = ", ".join("batch?" if dim is None else str(dim) for dim in dims)
        values = ("", " std 0.5", " one_hot")[(len(self.lines) + len(self.parts)) % 3]  # not drawn: seeds keep theirs
        self.lines.append(f"input {name}({shape}){values}")

    def core(self, shape: tuple[int, ...], *, remember: bool = False) -> str:
        """Declare a core, or a family of which one member is used; the text that names it."""
        name = self.fresh("c")
        dims = ", ".join("chi" if dim == 2 and self.name == "main" else str(dim) for dim in shape)
        if len(shape) > 1 and self.random.random() < 0.3:
            dims = dims.replace(", ", " -> ", 1)
        member = ""
        if self.random.random() < 0.3:
            size = self.random.randint(1, 3)
            pick = self.random.randrange(size)
            member, name_part = f"[{pick}]", f"[k in 0..{size}]"
            if self.random.random() < 0.3:
                member, name_part = f"[chi, {pick}]", f"[chi, k in 0..{size}]"
        else:
            name_part = ""
        ending = self.random.choice(
            [
                "",
                "",
                "",
                " init normal(0.5)",
                " init 0.75",
                " init ones frozen",
                " frozen",
                f" init normal(0.5) seed {self.random.randrange(9)} frozen",
            ]
        )
        self.lines.append(f"core {name}{name_part}({dims}){ending}")
        if remember:
            self.tensors.append(Tensor(name + member, shape))
        return name + member

    def instance(self, part: Part) -> None:
        """One or two uses of a part, its inputs bound to tensors of the right shape."""
        name = self.fresh("p")
        self.lines.append(f"let {name} = {part.name}({self.random.choice(['2', 'chi = 2', 'chi'])})")
        bindings: list[str] = []
        for given, shape in part.inputs.items():
            fitting = [t.text for t in self.tensors if t.shape == shape and not t.bindings and "p" not in t.text]
            if None in shape and not fitting:
                bound = self.fresh("x")
                self.inputs[bound] = shape
                self.tensors.append(Tensor(bound, shape))
                dims = ", ".join("batch?" if dim is None else str(dim) for dim in shape)
                self.lines.append(f"input {bound}({dims})")
                fitting = [bound]
            if not fitting:
                fitting = [self.core(tuple(dim for dim in shape if dim is not None))]
            bindings.append(f", {given} = {self.random.choice(fitting)}")
        for output, shape in part.outputs.items():
            text = name if len(part.outputs) == 1 else f"{name}.{output}"
            self.tensors.append(Tensor(text, shape, "".join(bindings)))

    # statements

    def statement(self, output: str | None = None) -> tuple[Dim, ...]:
        """A definition or an output of a random expression; its shape."""
        self.dims = {}
        wanted = [self.leg() for _ in range(self.random.choice([0, 1, 2, 2, 3]))]
        if self.random.random() < 0.5 and any(None in t.shape for t in self.tensors):
            wanted.append(self.leg(dynamic=True))
        text, present = self.expression(frozenset(wanted), 2)
        order = sorted(present)
        self.random.shuffle(order)
        left, shape = self.left(order, output=output is not None)
        clause = ""
        if None not in shape and self.random.random() < 0.15:
            elements = prod(dim for dim in shape if dim is not None)
            keep = self.random.randint(1, elements)
            sizes = (keep,) if keep % 2 else (keep // 2, 2)
            named = output is not None and self.random.random() < 0.5
            clause = f" reshape({', '.join(f'a{k} = {size}' if named else str(size) for k, size in enumerate(sizes))})"
            shape = sizes
        if output is not None:
            self.lines.append(f"output {output}({left}){clause} = {text}")
            return shape
        redefined = [t.text for t in self.tensors if t.text.startswith("h")]
        reuse = redefined and self.random.random() < 0.3
        name = self.random.choice(redefined) if reuse else self.fresh("h") + self.random.choice(["", "", "[3, 1]"])
        self.lines.append(f"{name}({left}){clause} = {text}")
        self.tensors = [t for t in self.tensors if t.text != name]
        self.tensors.append(Tensor(name, shape))
        return shape

    def left(self, legs: list[str], *, output: bool) -> tuple[str, tuple[Dim, ...]]:
        """Axes made of the legs: single, grouped, cropped, named."""
        axes: list[str] = []
        shape: list[Dim] = []
        size: Dim
        position = 0
        while position < len(legs):
            leg = legs[position]
            dim = self.dims[leg]
            group = legs[position : position + 2]
            second = self.dims[group[-1]]
            if dim is not None and second is not None and len(group) == 2 and self.random.random() < 0.25:
                axis, size = f"({group[0]}, {group[1]})", dim * second
                position += 2
            else:
                alone = dim is not None and self.random.random() < 0.05
                axis, size = f"({leg})" if alone else leg, dim
                position += 1
            name = f"axis{position}"
            if size is not None and size > 1 and self.random.random() < 0.15:
                size = self.random.randint(1, size)
                axis = f"{name}: {size} = {axis}"
            elif output and self.random.random() < 0.3:
                axis = f"{name} = {axis}"
            axes.append(axis)
            shape.append(size)
        return ", ".join(axes), tuple(shape)

    # expressions

    def leg(self, *, dynamic: bool = False, dim: int | None = None) -> str:
        """A fresh leg of this statement."""
        count = len(self.dims)
        name = self.random.choice([f"i{count}", f"i{count}", f"y[{count}]", f"z[{count}, {count + 1}]", f"v{count}'"])
        self.dims[name] = None if dynamic else self.random.choice([1, 2, 2, 3, 4]) if dim is None else dim
        return name

    def expression(self, wanted: frozenset[str], depth: int) -> tuple[str, frozenset[str]]:
        """A sum of products; the wanted legs that it has."""
        terms: list[str] = []
        present: set[str] = set()
        for _ in range(self.random.choice([1, 1, 1, 2, 3])):
            text, legs = self.product(wanted, depth)
            terms.append(text)
            present |= legs
        text = terms[0]
        if self.random.random() < 0.1:
            text = f"-{text}"
        for term in terms[1:]:
            text += f" {self.random.choice('+-')} {term}"
        if len(terms) > 1 and self.random.random() < 0.2:
            text += f" + {self.random.choice(['0.5', 'chi', '2 * chi - 1', '1 / 4'])}"
        return text, frozenset(present)

    def product(self, wanted: frozenset[str], depth: int) -> tuple[str, frozenset[str]]:
        """A product; what it uses beyond ``wanted`` is used by at least two of its factors."""
        product = _Product(wanted)
        pool = [*sorted(wanted), *(self.leg() for _ in range(self.random.choice([0, 1, 1, 2])))]
        for _ in range(self.random.choice([1, 2, 2, 3, 4])):
            self.factor(product, pool, depth)
        if not product.legs and not product.factors:
            self.new_core(product, [leg for leg in pool if self.dims[leg] is not None])
        for leg in sorted(product.uses):
            if leg not in product.sized:
                self.new_core(product, [leg], everything=True)
            if leg not in wanted and product.uses[leg] < 2:
                if self.dims[leg] is None or self.random.random() < 0.5:
                    product.add(f"ones({leg})", [leg])
                else:
                    self.new_core(product, [leg], everything=True)
        self.random.shuffle(product.factors)
        text = " * ".join(product.factors)
        if self.random.random() < 0.15:
            text = f"{self.random.choice(['2', '0.5', 'chi', '3 / 2', '-1.5'])} * {text}"
        if self.random.random() < 0.1:
            text += " / 2"
        return text, frozenset(product.uses) & wanted

    def factor(self, product: _Product, pool: list[str], depth: int) -> None:
        """One more factor."""
        die = self.random.random()
        static = [leg for leg in pool if self.dims[leg] is not None]
        if die < 0.35:
            self.new_core(product, static)
        elif die < 0.7 and self.tensors:
            self.use(product, pool)
        elif die < 0.85 and depth > 0:
            inner, legs = self.expression(frozenset(pool), depth - 1)
            product.add(self.wrapped(inner, sorted(legs)), legs, legs)
        elif die < 0.92 and static:
            first = self.random.choice(static)
            fitting = [leg for leg in static if leg != first and self.dims[leg] == self.dims[first]]
            dim = self.dims[first]
            second = self.random.choice(fitting) if fitting else self.leg(dim=dim)
            product.add(f"delta({first}, {second})", [first, second])
        elif static:
            leg = self.random.choice(static)
            product.add(f"ones({leg})", [leg])

    def wrapped(self, inner: str, legs: list[str]) -> str:
        """An activation, a conjugation or parentheses around an expression."""
        if self.linear:
            return self.random.choice([f"conj({inner})", f"({inner})", f"(if chi == 2 then {inner} else 0)"])
        choices = [*POINTWISE]
        if self.scalars:
            choices += [f"prelu(#, {self.scalars[0]}())", "own(#)"]
        shape = self.random.choice([*choices, "(#)", "rms(#)", "(if chi < 3 and true then # else 1)"])
        static = [leg for leg in legs if self.dims[leg] is not None]
        if shape == "rms(#)" and (not static or inner.lstrip("-")[0].isdigit()):
            shape = "(#)"
        return shape.replace("#", inner)

    def new_core(self, product: _Product, pool: list[str], *, everything: bool = False) -> None:
        """A core with some (or all) of the legs, some of them as a diagonal or in a group."""
        legs = list(pool) if everything else self.random.sample(pool, min(len(pool), self.random.randint(0, 3)))
        if legs and not everything and self.random.random() < 0.1:
            legs.append(self.random.choice(legs))
        shape = [dim for leg in legs if (dim := self.dims[leg]) is not None]
        texts = list(legs)
        sized = list(legs)
        if len(legs) >= 2 and self.random.random() < 0.15:
            texts[:2], shape[:2] = [f"({legs[0]}, {legs[1]})"], [shape[0] * shape[1]]
            sized = legs[2:]
        product.add(f"{self.core(tuple(shape))}({', '.join(texts)})", legs, sized)

    def use(self, product: _Product, pool: list[str]) -> None:
        """A tensor that is there already, every axis with a leg that fits, a new one, a group or a pick."""
        tensor = self.random.choice(self.tensors)
        texts: list[str] = []
        legs: list[str] = []
        grouped: list[str] = []
        for dim in tensor.shape:
            fitting = [leg for leg in pool if self.dims[leg] == dim]
            die = self.random.random()
            if fitting and die < 0.7:
                legs.append(self.random.choice(fitting))
                texts.append(legs[-1])
            elif dim is not None and die < 0.8:
                texts.append(f"[{self.random.randrange(dim)}]")
            elif dim in {4, 6} and die < 0.9:
                grouped += [self.leg(dim=2), self.leg(dim=dim // 2)]
                texts.append(f"({grouped[-2]}, {grouped[-1]})")
            else:
                legs.append(self.leg(dim=dim) if dim is not None else self.leg(dynamic=True))
                texts.append(legs[-1])
        text = f"{tensor.text}({', '.join(texts)}{tensor.bindings})".replace("(, ", "(")
        if self.linear and self.random.random() < 0.2:
            text = f"conj({text})"
        product.add(text, legs + grouped, legs)

    # statements of a certain form

    def activated(self, text: str) -> str:
        return text if self.linear else self.random.choice(["#", "relu(#)", "tanh(#)", "rms(#)"]).replace("#", text)

    def column(self) -> None:
        """A column of gates on the legs of one tensor, with primes."""
        n, dim = self.random.randint(2, 4), self.random.choice([1, 2])
        state = self.core((dim,) * n)
        first = self.random.randint(0, 1)
        family = self.fresh("g")
        self.lines.append(f"core {family}[k in {first}..{n - 1} by 2]({dim}, {dim} -> {dim}, {dim}) init identity(0.3)")
        name = self.fresh("h")
        gates = f"prod(k in {first}..{n - 1} by 2) {family}[k](x[k], x[k + 1], x'[k], x'[k + 1])"
        self.lines.append(f"{name}(x'[0..{n}]) = " + self.activated(f"{state}(x[0..{n}]) * {gates}"))
        self.tensors.append(Tensor(name, (dim,) * n))

    def chain(self) -> None:
        """A tensor train with clipped bonds, its leaves interleaved or reversed on the left."""
        n, dim = self.random.randint(1, 4), self.random.choice([2, 3])
        bond = self.random.randint(1, 3)
        family, name = self.fresh("g"), self.fresh("h")
        ends = f"[{bond} for j in max(0, k - 1)..k], {dim}, [{bond} for j in k..min(k + 1, {n} - 1)]"
        self.lines.append(f"core {family}[k in 0..{n}]({ends})")
        left = self.random.choice([f"x[0..{n}]", f"reversed(x[0..{n}])", f"interleave(x[0..{n} by 2], x[1..{n} by 2])"])
        train = f"prod(k in 0..{n}) {family}[k](r[max(0, k - 1)..k], x[k], r[k..min(k + 1, {n} - 1)])"
        self.lines.append(f"{name}({left}) = " + self.activated(train))
        self.tensors.append(Tensor(name, (dim,) * n))

    def folded_sum(self) -> None:
        """A sum over a family, with coefficients."""
        n = self.random.randint(0, 3)
        rows, columns = self.random.randint(1, 3), self.random.randint(1, 3)
        family, name, rest = self.fresh("g"), self.fresh("h"), self.core((rows, columns))
        self.lines.append(f"core {family}[k in 0..{n}, l in 0..k + 1]({rows}, {columns})")
        term = f"sum(k in 0..{n}, l in 0..k + 1) ((k - 1) * {family}[k, l](i, j))"
        self.lines.append(f"{name}(j, i) = " + self.activated(f"{term} + {rest}(i, j)"))
        self.tensors.append(Tensor(name, (columns, rows)))

    def library(self) -> None:
        """An instance from the standard library."""
        n = self.random.randint(1, 5)
        dims = [self.random.choice([1, 2, 2, 3]) for _ in range(n)]
        act = "identity" if self.linear else self.random.choice(["relu", "tanh", "identity", "gelu"])
        chi = self.random.randint(1, 3)
        boundary = self.random.choice(["folded", "fixed", "trained"])
        call = self.random.choice(
            [
                f"std.ttn({dims}, {chi}, arity = {self.random.randint(2, 4)}, act = {act})",
                f"std.attn({dims}, {chi}, layers = {self.random.randint(0, 3)}, act = {act})",
                f'std.attn({dims}, {chi}, placement = "sparse", act = {act})',
                f"std.mera(dims = {dims}, chi = {chi}, act = {act})",
                f"std.mera({dims}, {chi}, periodic = true, act = {act}, last = {act})",
                f'std.brickwall({dims}, 2, boundary = "{boundary}", act = {act})',
                f"std.mps({dims}, chi = {chi}, last = {act})",
            ]
        )
        name = self.fresh("t")
        self.lines.append(f"let {name} = {call}")
        self.tensors.append(Tensor(name, tuple(dims)))

    def loop(self) -> None:
        """A loop that redefines a tensor, with an if and a core a turn."""
        n, dim = self.random.randint(0, 3), self.random.randint(1, 3)
        start, name, family = self.core((dim, dim)), self.fresh("h"), self.fresh("g")
        step = self.activated(f"{name}(i, j) * {family}[k](j, k0)")
        self.lines += [
            f"{name}(i, j) = {start}(i, j)",
            f"for k in 0..{n} {{",
            f"  core {family}[k]({dim}, {dim})",
            "  let even = k % 2 == 0",
            f"  if even {{ {name}(i, k0) = {step} }}",
            f"  else {{ {name}(i, k0) = {name}(i, j) * {family}[k](j, k0) + {name}(i, k0) }}",
            "}",
        ]
        self.tensors.append(Tensor(name, (dim, dim)))

    def tail(self) -> None:
        """Factors on one hyperedge."""
        n, rank, dim = self.random.randint(1, 3), self.random.randint(1, 3), self.random.randint(1, 3)
        family, name = self.fresh("g"), self.fresh("h")
        self.lines.append(f"core {family}[k in 0..{n}]({rank}, {dim})")
        factors = f"prod(k in 0..{n}) {family}[k](r, x[k]) * ones(r)"
        self.lines.append(f"{name}(x[0..{n}]) = " + self.activated(factors))
        self.tensors.append(Tensor(name, (dim,) * n))


@dataclass
class _Product:
    """Factors, how many of them use each leg, and which legs have a dimension from one of them."""

    wanted: frozenset[str]
    factors: list[str] = field(default_factory=list[str])
    uses: dict[str, int] = field(default_factory=dict[str, int])
    sized: set[str] = field(default_factory=set[str])

    @property
    def legs(self) -> list[str]:
        return list(self.uses)

    def add(self, text: str, legs: Iterable[str], sized: Iterable[str] = ()) -> None:
        self.factors.append(text)
        for leg in dict.fromkeys(legs):
            self.uses[leg] = self.uses.get(leg, 0) + 1
        self.sized.update(sized)
