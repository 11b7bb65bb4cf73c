"""Numbers as people read them, in reports and in the comments of generated modules."""

from __future__ import annotations


def grouped(count: int) -> str:
    """``2 359 296``: digits in threes, as the standards for units have them."""
    return f"{count:,}".replace(",", " ")


def flops_text(count: int) -> str:
    """``13.2 M``: decimal prefixes, three digits."""
    return _scaled(count, 1000, ("", " k", " M", " G", " T", " P", " E"))


def bytes_text(count: int) -> str:
    """``9.00 MiB``: binary prefixes, three digits."""
    return _scaled(count, 1024, (" B", " KiB", " MiB", " GiB", " TiB", " PiB", " EiB"))


def seconds_text(seconds: float) -> str:
    """``1.25 ms``: from nanoseconds up, three digits."""
    for factor, unit in ((1.0, "s"), (1e3, "ms"), (1e6, "µs")):
        value = seconds * factor
        if value >= 0.9995:
            digits = 2 if value < 9.995 else 1 if value < 99.95 else 0
            return f"{value:.{digits}f} {unit}"
    return f"{seconds * 1e9:.0f} ns"


def ratio_text(ratio: float) -> str:
    """``14 386×``; one or two decimals where they matter."""
    if ratio >= 100:
        return f"{grouped(round(ratio))}×"
    return f"{ratio:.1f}×" if ratio >= 10 else f"{ratio:.2f}×"


def plural(count: int, noun: str) -> str:
    """``1 core``, ``21 cores``."""
    return f"{grouped(count)} {noun}{'' if count == 1 else 's'}"


def _scaled(count: int, base: int, prefixes: tuple[str, ...]) -> str:
    if count < base:
        return f"{count}{prefixes[0]}"
    value = float(count)
    for prefix in prefixes:
        if value < base * 0.9995 or prefix == prefixes[-1]:
            digits = 2 if value < 9.995 else 1 if value < 99.95 else 0
            return f"{value:.{digits}f}{prefix}" if value < 1e6 else f"{value:.3g}{prefix}"
        value /= base
    raise AssertionError("the last prefix takes every value")
