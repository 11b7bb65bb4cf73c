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
    "a malformed name, in a file with another error": "let n = 2^2^2^99\nnetwork a() { output yχ() = 1 }",
    "a function that overflows": "fn f(t) = exp(-t^7 / 2)\nnetwork a() { core c(2)  output y(i) = f(c(i)) }",
    "a square that overflows": "network a() { core c(2) init normal(1e200)  core d(2)  output y(i) = c(i) * d(i) }",
    "a deviation without a square": "network a() { core c(2)  output y(i) std 1e-200 = c(i) }",
    "a product of large numbers": "network a() { core c(2)  output y(i) = 1e200 * 1e100 * c(i) }",
    "an output called like a family": "network a() { core t[k in 0..2](4)  output t(i) = t[0](i) * t[1](i) }",
    "an instance called like its network": (
        "network t() { let t = std.mps(dims = [2, 2])  output w(i, j) = t(i, j)  output t() = t(i, j) * t(i, j) }"
    ),
    "many signs in a function": f"fn f(t) = tanh({90 * '-'}t)\nnetwork a() {{ core c(2)  output w(i) = f(c(i)) }}",
    "brackets that nobody wrote": (
        f"fn f(t) = {16 * '1 - (2 * (3 + '}t{16 * '))'}\nfn g(t) = f(f(t))\n"
        "network a() { core c(2)  output w(i) = g(c(i)) }"
    ),
    "a failure in every turn": "network a() { for i in 0..10^4 { for j in 0..10^4 { let b = c(i) } }  output y() = 1 }",
    "a sum of terms that fail": "network a() { output y(i) = sum(k in 0..10^3, l in 0..k) (k * g[k, l](i)) }",
    "names that nobody declared, in every turn": (
        f"network a() {{ {' '.join(f'core name{k}(2)' for k in range(20))} for i in 0..10^4 {{ for j in 0..10^4 {{ "
        f"h(l) = {' + '.join(f'nam{k}k(l)' for k in range(20))} }} }}  output y() = 1 }}"
    ),
    "a point before an underscore": "network a() { core c(2) init normal(0._)  output y(i) = c(i) }",
    "a long number with an underscore": f"network a() {{ core c(2) init {'1' * 60}_0  output y(i) = c(i) }}",
    "a hexadecimal number without end": f"network a() {{ core c(2) init 0x{'f' * 9000}  output y(i) = c(i) }}",
    "networks without an end": "\n".join(
        f"network a{k}(n: int = 0) {{ let tree = std.ttn([2] * 4)  let b = a{k}(n + 1)  output y() = b() }}"
        for k in range(12)
    ),
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
