"""The list of contenders, and which of them a case asks for."""

from __future__ import annotations

from collections.abc import Callable

from benchmarks.cases import Case
from benchmarks.contenders import frameworks, handwork, layers, libraries, ours
from benchmarks.contenders.base import Contender, Problem, Step
from benchmarks.contenders.eager import Engine, Forward, forward_of, step_of
from benchmarks.recipe import Recipe, UnsupportedError

OURS = "tnc"
TENSORDOT = "tensordot per core"
COTENGRA = "cotengra random-greedy"
DENSE = "dense layer"
BUILD = "build, then multiply"
TENSORLY_TORCH = "tensorly-torch factorized"
JAX_OURS = "tnc, jit"


def _written(engine: Engine) -> Callable[[Problem], Forward]:
    return lambda problem: forward_of(problem.written, engine)


def _regions(engine: Engine) -> Callable[[Problem], Forward]:
    return lambda problem: forward_of(problem.regions, engine)


def _fitted(engine: Callable[[Recipe, str], Engine]) -> Callable[[Problem], Forward]:
    return lambda problem: forward_of(problem.regions, engine(problem.regions, problem.case.topology))


def _build(problem: Problem) -> Forward:
    if problem.case.kind != "apply":
        raise UnsupportedError("no data: there is nothing but building")
    return forward_of(problem.regions, handwork.built_first)


FORWARDS: dict[str, Callable[[Problem], Forward]] = {
    TENSORDOT: _written(handwork.in_place),
    "tensordot, legs rotating": _written(handwork.rotating),
    "gates in twos": _written(handwork.grouped(2)),
    "gates in threes": _written(handwork.grouped(3)),
    COTENGRA: _regions(libraries.cotengra("random-greedy")),
    "cotengra auto-hq": _regions(libraries.cotengra("auto-hq")),
    "opt_einsum": _regions(libraries.opt_einsum),
    "quimb": _regions(libraries.quimb),
    "TensorKrowch": _fitted(lambda recipe, _: libraries.tensorkrowch(recipe)),
    "TensorLy": _fitted(libraries.tensorly),
    BUILD: _build,
}
"""Every contender that is a forward function in eager torch; ``torch.compile`` takes the fastest two of them."""


def eager(name: str) -> Contender:
    """A contender of ``FORWARDS``."""
    return Contender(name, "eager", lambda problem: step_of(problem, FORWARDS[name](problem)))


def compiled(name: str) -> Contender:
    """A contender of ``FORWARDS`` under ``torch.compile``."""

    def prepare(problem: Problem) -> Step:
        return step_of(problem, frameworks.compiled(FORWARDS[name](problem)))

    return Contender(f"{name}, torch.compile", "compiled", prepare)


def compiled_ours() -> Contender:
    """Our module under ``torch.compile``."""
    return Contender(f"{OURS}, torch.compile", "ours-compiled", ours.ours_compiled)


def contenders(case: Case) -> list[Contender]:
    """Everybody who is measured on a case from the start, ours first."""
    found = [Contender(OURS, "ours", ours.ours)]
    found += [eager(name) for name in FORWARDS]
    if case.kind == "apply":
        found += [
            Contender(f"tensorly-torch {how}", "eager", layers.tensorly_torch(how))
            for how in ("factorized", "reconstructed")
        ]
    if case.kind == "train":
        found.append(Contender(DENSE, "dense", layers.dense))
        found.append(Contender("dense layer, fused Adam", "dense", layers.dense_fused))
    if case.jax:
        found += jax_contenders()
    return found


def jax_contenders() -> list[Contender]:
    """The contenders under ``jax.jit``; JAX is imported when the first of them is prepared."""

    def lazily(name: str) -> Callable[[Problem], Step]:
        def prepare(problem: Problem) -> Step:
            from benchmarks.contenders import jitted

            steps: dict[str, Callable[[Problem], Step]] = {
                "ours": jitted.ours,
                "einsum": jitted.einsum,
                "cotengra": jitted.cotengra,
                "tensordot": jitted.tensordot,
            }
            return steps[name](problem)

        return prepare

    return [
        Contender(JAX_OURS, "ours-jax", lazily("ours")),
        Contender("jnp.einsum, jit", "jax", lazily("einsum")),
        Contender("cotengra, jit", "jax", lazily("cotengra")),
        Contender("einsum per core, jit", "jax", lazily("tensordot")),
    ]
