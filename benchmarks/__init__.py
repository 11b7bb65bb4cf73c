"""How fast compiled networks train, beside what people would write by hand and beside other libraries.

``python -m benchmarks --quick`` measures, ``python -m benchmarks report`` writes ``docs/benchmarks.md``. Every
contender is derived from the Program, that is, from what a network means; nothing here knows how tnc plans.
"""
