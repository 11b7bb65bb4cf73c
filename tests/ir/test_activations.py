"""The table of activations against the oracle, which shares no code with it, and against what the table itself says."""

from __future__ import annotations

import math
import re
from pathlib import Path

import pytest

from tests.oracle import pointwise as oracle
from tests.oracle.derivatives import BINARY, UNARY, Function, dual
from tests.random_functions import scalar
from tnc.ir.activations import ACTIVATIONS, COMPARISONS, ENTRIES, FUNCTIONS, OPERATORS, is_real_only
from tnc.ir.entries import Alias, Composite, Primitive, Sign
from tnc.ir.program import Apply, Argument, Literal
from tnc.ir.scalar import SYMBOLS, evaluate, slope

LANGUAGE = (Path(__file__).parents[2] / "docs" / "language.md").read_text(encoding="utf-8")
POINTS = (0.0, 0.5, -0.5, 1.0, -1.0, 2.5, -3.0, 20.0, -20.0)
SCALARS = (0.5, -2.0, 1.0, 3.0)
PRIMITIVES = {name: entry for name, entry in ENTRIES.items() if isinstance(entry, Primitive)}


def oracle_name(name: str) -> str:
    return name if name == "neg" else SYMBOLS.get(name, name)


def test_every_name_has_one_entry() -> None:
    assert len(ENTRIES) == len(ACTIVATIONS) + len(FUNCTIONS) + len(OPERATORS)
    assert set(OPERATORS) == set(SYMBOLS)
    for entry in PRIMITIVES.values():
        assert entry.operands == 1 + len(entry.parameters) or entry.parameters == ()


def test_the_oracle_has_the_same_activations_and_defaults() -> None:
    assert {name: tuple(d for _, d in entry.parameters) for name, entry in ACTIVATIONS.items()} == oracle.ACTIVATIONS
    assert set(FUNCTIONS) == oracle.SCALAR_FUNCTIONS


def dual_cases() -> list[str]:
    """Everything of one or two operands; the oracle raises ``KeyError`` for a name that it lacks."""
    return [name for name, entry in ENTRIES.items() if entry.operands <= 2 and name not in COMPARISONS]


@pytest.mark.parametrize("name", dual_cases())
def test_values_and_derivatives_are_those_of_the_oracle(name: str) -> None:
    own = oracle_name(name)
    two = own in BINARY
    assert two or own in UNARY
    function: Function = (own, "t", "w") if two else (own, "t")
    compiled = scalar(function) if name != "neg" else Apply("neg", (Argument(0),))
    partials = PRIMITIVES[name].derivative if name in PRIMITIVES else ()
    points = [(t, w) for t in POINTS for w in SCALARS if dual(function, t, w).finite]
    assert len(points) > len(POINTS)
    for t, w in points:
        expected = dual(function, t, w)
        assert evaluate(compiled, (t, w)) == pytest.approx(expected.value, rel=1e-12, abs=1e-12)
        assert slope(compiled, (t, w)) == pytest.approx(expected.by[0], rel=1e-9, abs=1e-9), (t, w)
        for partial, wanted in zip(partials, expected.by, strict=False):
            assert not two or evaluate(partial, (t, w)) == pytest.approx(wanted, rel=1e-9, abs=1e-9), (t, w)


SLOPES: tuple[tuple[Function, float], ...] = (
    (("where", (">", "t", 0.0), ("sqrt", "t"), "t"), 0.0),
    (("where", (">", "t", 0.0), ("sqrt", "t"), "t"), 4.0),
    (("*", ("tanh", ("*", "t", "t")), ("exp", "t")), 0.7),
    (("max", ("^", "t", 2.0), ("neg", "t")), -1.0),
    (("snake", ("sin", "t"), "w"), 0.3),
)


@pytest.mark.parametrize(("function", "t"), SLOPES)
def test_slopes_follow_the_chain_rule(function: Function, t: float) -> None:
    assert slope(scalar(function), (t, 0.5)) == pytest.approx(dual(function, t, 0.5).by[0], rel=1e-12)


def test_an_infinite_derivative_behind_one_of_zero_does_not_count() -> None:
    assert slope(Apply("relu", (Apply("sqrt", (Argument(0),)),)), (0.0,)) == 0.0


@pytest.mark.parametrize("name", [name for name, entry in PRIMITIVES.items() if entry.selects])
def test_derivatives_of_selections_are_finite_everywhere(name: str) -> None:
    values = (0.0, 1.0, -1.0, math.inf, -math.inf, math.nan)
    for a in values:
        for b in values:
            for partial in PRIMITIVES[name].derivative:
                assert math.isfinite(evaluate(partial, (a, b, 1.0))), (a, b)


@pytest.mark.parametrize("name", PRIMITIVES)
def test_derivatives_are_finite_away_from_singularities(name: str) -> None:
    entry = PRIMITIVES[name]
    for a in (*POINTS, 0.125, -0.125):
        for b in (*SCALARS, 0.125, -0.125, 0.0):
            operands = (a, b, 1.0)[: entry.operands]
            if entry.singularity(*operands) >= 0.125:
                for partial in entry.derivative:
                    assert math.isfinite(evaluate(partial, operands)), (name, operands)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_signs(name: str) -> None:
    entry = ACTIVATIONS[name]
    numbers = [0.25 if default is None else default for _, default in entry.parameters]
    values = [evaluate(Apply(name, (Argument(0), *map(Literal, numbers))), (t / 8,)) for t in range(-240, 241)]
    match entry.sign:
        case Sign.ANY:
            assert min(values) < 0
        case Sign.NOT_NEGATIVE:
            assert min(values) == 0
        case Sign.POSITIVE:
            assert min(values) > 0


def test_names_of_the_documentation() -> None:
    """The table of activations has every name with its parameters, and the list of real functions is complete."""
    table = LANGUAGE.partition("## Activations")[2].partition("Every backend")[0]
    rows = {call.partition("(")[0]: call for call in re.findall(r"`(\w+\([^`]*\))`", table)}
    assert rows.keys() - {"log", "t"} == ACTIVATIONS.keys() | {"rms", "identity"}
    for name, entry in ACTIVATIONS.items():
        operands = rows[name].partition("(")[2].rstrip(")").split(", ")
        defaults = [operand.rpartition("=")[2].strip() for operand in operands[1:]]
        assert len(operands) == entry.operands, name
        for text, (parameter, default) in zip(defaults, entry.parameters, strict=True):
            assert text == parameter if default is None else float(text) == default, name
    sentence = LANGUAGE[: LANGUAGE.index("take real numbers only")].rpartition("\n\n")[2]
    listed = set(re.findall(r"`([^`]+)`", sentence))
    symbols = {name: SYMBOLS.get(name, name) for name in ENTRIES}
    assert listed == {symbols[name] for name in ENTRIES if is_real_only(name)}


def test_aliases_and_composites() -> None:
    for entry in ENTRIES.values():
        match entry:
            case Alias(of=of):
                assert ENTRIES[of].operands == entry.operands
            case Composite(summary=summary):
                assert summary.endswith(".")
            case Primitive():
                pass
