"""Prime factors of an integer, and the next integer that has small ones only."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator
from math import gcd, isqrt, prod
from typing import Final, TypeAlias

Pay: TypeAlias = Callable[[int], None]
"""Called with an amount of work before the work is done; it may raise."""

LARGEST: Final = 2**40
"""The largest argument: no axis is longer than a tensor has entries (`Limits.elements`)."""

_CUBE_ROOT: Final = 10322
"""The least integer whose cube exceeds `LARGEST`."""

_TESTS_PER_WORK: Final = 4
"""How many divisions or roots take the time of one node of an expression."""

_ENUMERATED: Final = 50
"""Below this largest factor smooth integers are enumerated; from it on they are frequent enough to be searched for."""


def factors(n: int, pay: Pay) -> tuple[int, ...]:
    """The prime factors of 1 ≤ n ≤ `LARGEST`, ascending; the empty tuple for 1.

    Trial division up to the cube root leaves a prime or a product of two, which Lehman's method separates: n^(1/3)
    tests in all, also where n is prime (R. S. Lehman, "Factoring large integers", 1974).
    """
    found: list[int] = []
    for divisor in _divisors(pay):
        if divisor > 5 and divisor**3 > n:  # Lehman's theorem wants an odd n > 21
            break
        while n % divisor == 0:
            found.append(divisor)
            n //= divisor
    if n > 1:
        p = _split(n, pay)
        found.extend(sorted((p, n // p)) if p > 1 else (n,))
    return tuple(found)


def _divisors(pay: Pay) -> Iterator[int]:
    """2, 3 and the integers that neither divides, up to the cube root of `LARGEST`."""
    yield 2
    yield 3
    for k in range(6, _CUBE_ROOT + 1, 6):
        if k % (3 * _TESTS_PER_WORK) == 0:
            pay(1)
        yield k - 1
        yield k + 1


def _split(n: int, pay: Pay) -> int:
    """A proper divisor of n, which is prime or a product of two primes above its cube root; 1 if n is prime."""
    bound = next(b for b in range(round(n ** (1 / 3)), n + 1) if b**3 >= n)  # the cube root, rounded up
    for k in range(1, bound + 1):
        if k % _TESTS_PER_WORK == 0:
            pay(1)
        a = isqrt(4 * k * n - 1) + 1
        while (square := a * a - 4 * k * n) <= bound * bound:
            root = isqrt(square)
            if root * root == square and 1 < (divisor := gcd(a + root, n)) < n:
                return divisor
            a += 1
    return 1


def smooth(n: int, most: int, pay: Pay) -> int:
    """The least m ≥ n without a prime factor above ``most`` ≥ 2, for 1 ≤ n ≤ `LARGEST`."""
    if n <= most:
        return n
    if most >= _ENUMERATED:
        return _search(n, most, pay)
    return _enumerate(n, [p for p in range(2, most + 1) if factors(p, pay) == (p,)], pay)


def _enumerate(n: int, primes: list[int], pay: Pay) -> int:
    """The least product m ≥ n of the primes: the product of those above 5 decides which of the others is best."""
    best = 1 << (n - 1).bit_length()
    small = [1]
    for prime in primes[:3]:
        powers = [prime**e for e in range(n.bit_length() + 1)]
        small = [m * power for m in small for power in powers if m * power <= best]
    small.sort()
    pay(len(small))
    waiting = [(1, 3)]
    while waiting:
        pay(1)
        m, first = waiting.pop()
        at = bisect_left(small, -(-n // m))
        if at < len(small):
            best = min(best, m * small[at])
        waiting.extend((m * prime, k) for k, prime in enumerate(primes[first:], first) if m * prime < best)
    return best


def _search(n: int, most: int, pay: Pay) -> int:
    """The least m ≥ n whose prime factors are at most ``most``, by trying one after another."""
    known = min(most, _CUBE_ROOT)
    primes = prod(p for p in range(2, known + 1) if factors(p, pay) == (p,))
    m = n
    while True:
        pay(2 + known // 1000)
        rest = m
        while (common := gcd(rest, primes % rest)) > 1:
            rest //= common
        # what is left has at most two prime factors, both above the cube root
        if rest == 1 or (most > known and factors(rest, pay)[-1] <= most):
            return m
        m += 1
