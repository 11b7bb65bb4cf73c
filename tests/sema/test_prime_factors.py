"""`factors` and `smooth`: their laws, the ends of their range, and the work that they pay for."""

from __future__ import annotations

from math import prod

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.oracle.compile_time import factors as divided
from tests.oracle.compile_time import smooth as searched
from tnc.sema.values.prime_factors import LARGEST, factors, smooth

PRIMES = (1_099_511_627_689, 1_099_511_627_609, 1_048_573, 1_048_571, 10_321, 10_331)
"""The two largest primes below 2^40, below 2^20, and those around the cube root of 2^40."""


class Meter:
    """Adds up what is paid."""

    def __init__(self) -> None:
        self.paid = 0

    def __call__(self, work: int) -> None:
        assert work > 0
        self.paid += work


def prime(n: int) -> bool:
    """A strong probable prime to the bases 2, 3, 5, 7 and 11: below 2.15e12 these are the primes (Jaeschke, 1993)."""
    if n < 2:
        return False
    odd, twos = n - 1, 0
    while odd % 2 == 0:
        odd, twos = odd // 2, twos + 1
    return all(
        n == base or pow(base, odd, n) == 1 or any(pow(base, odd << t, n) == n - 1 for t in range(twos))
        for base in (2, 3, 5, 7, 11)
    )


@given(st.integers(1, LARGEST))
@example(1)
@example(LARGEST)
@example(1_048_573**2)
@example(1_048_573 * 1_048_571)
@example(10_313 * 10_303 * 10_301)
@example(10_321 * 10_331 * 10_303)
@example(25)
@example(49)
def test_the_product_of_ascending_primes(n: int) -> None:
    found = factors(n, Meter())
    assert prod(found) == n
    assert list(found) == sorted(found)
    assert all(map(prime, found))


@pytest.mark.parametrize("n", PRIMES)
def test_large_primes(n: int) -> None:
    assert factors(n, Meter()) == (n,)


def test_small_integers() -> None:
    assert [factors(n, Meter()) for n in range(1, 2000)] == [tuple(divided(n)) for n in range(1, 2000)]


@pytest.mark.parametrize("most", [2, 3, 4, 7, 13, 49, 50, 53, 97, 200])
def test_the_next_smooth_integer(most: int) -> None:
    for n in (*range(1, 130), 499, 1021, 4097, 11008):
        assert smooth(n, most, Meter()) == searched(n, most), n


@settings(deadline=None)
@given(st.integers(1, LARGEST), st.integers(2, 2**20))
@example(LARGEST, 2)
@example(LARGEST - 87, 7)
@example(LARGEST - 1, 48)
@example(LARGEST // 2 + 1, 50)
@example(LARGEST - 87, 10_322)
def test_smooth_is_small_and_smooth(n: int, most: int) -> None:
    m = smooth(n, most, Meter())
    assert n <= m <= 2 ** (n - 1).bit_length()
    assert max(factors(m, Meter()), default=1) <= most
    assert smooth(m, most, Meter()) == m
    if m > n:  # nothing between is smooth; the ends are tried, and 50 integers before the result
        between = {n, *range(max(n, m - 50), m)}
        assert all(factors(k, Meter())[-1] > most for k in between)


def test_work_is_paid_for() -> None:
    meter = Meter()
    factors(PRIMES[0], meter)
    assert 1000 < meter.paid < 10_000
    meter = Meter()
    smooth(LARGEST // 2 + 1, 50, meter)
    assert 100_000 < meter.paid < 2_000_000


def test_an_unpaid_call_ends() -> None:
    class BrokeError(Exception):
        pass

    def refuse(work: int) -> None:
        raise BrokeError

    for call in (lambda: factors(PRIMES[0], refuse), lambda: smooth(LARGEST - 87, 53, refuse)):
        with pytest.raises(BrokeError):
            call()
