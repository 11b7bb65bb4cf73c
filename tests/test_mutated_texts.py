"""No text, however damaged, brings down ``check``, ``expand`` or ``fmt``; the long run is ``tests.reliability``."""

from __future__ import annotations

import pytest

from tests.mutated_texts import Defect, corpus, examine, mutated_text

BUNDLE = 25

# A text of each defect that the long runs found, by the seed that it had then; see docs/reliability.md.
FOUND = {
    "an unknown type of a parameter": "network a(n: j = 2) { core c(n)  output y(i) = c(i) }",
    "a head that cannot be read": "network mpo(outs: ints, chi: i]) + c(i))\n}",
    "half a character": 'network a() { core c(2)  output y(i) = c(i)  require params <= 8, "too b\ud800ig" }',
    "a name that is no name, in a file with another error": "let n = 2^2^2^99\nnetwork a() { output yχ() = 1 }",
    "a function that overflows": "fn f(t) = exp(-t^7 / 2)\nnetwork a() { core c(2)  output y(i) = f(c(i)) }",
    "a square that overflows": "network a() { core c(2) init normal(1e200)  core d(2)  output y(i) = c(i) * d(i) }",
    "a deviation without a square": "network a() { core c(2)  output y(i) std 1e-200 = c(i) }",
    "a product of large numbers": "network a() { core c(2)  output y(i) = 1e200 * 1e100 * c(i) }",
}


@pytest.mark.parametrize("name", FOUND)
def test_what_once_was_a_defect(name: str) -> None:
    assert describe(examine(FOUND[name], 10)) == ""


@pytest.mark.parametrize("bundle", range(12))
def test_mutated_texts(bundle: int) -> None:
    for seed in range(BUNDLE * bundle, BUNDLE * (bundle + 1)):
        assert describe(examine(mutated_text(seed), 10)) == "", f"seed {seed}"


@pytest.mark.slow
@pytest.mark.parametrize("bundle", range(12, 212))
def test_many_mutated_texts(bundle: int) -> None:
    test_mutated_texts(bundle)


def test_texts_are_mutated() -> None:
    """Nearly all differ from what they were made of, and a seed always gives the same."""
    texts = [mutated_text(seed) for seed in range(200)]
    assert texts == [mutated_text(seed) for seed in range(200)]
    assert sum(text not in corpus() for text in texts) > 180


def test_a_defect_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the tests above look for would be found."""

    def hang(*_: object) -> None:
        while True:
            pass

    monkeypatch.setattr("tnc.sema.load", hang)
    assert describe(examine("network a() { output y() = 1 }", 0.2)).startswith("late")

    def crash(*_: object) -> None:
        raise KeyError("i")

    monkeypatch.setattr("tnc.sema.load", crash)
    assert describe(examine("network a() { output y() = 1 }", 10)).startswith("KeyError")


def describe(defect: Defect | None) -> str:
    return "" if defect is None else f"{defect.kind}\n{defect.text}\n{defect.details}"
