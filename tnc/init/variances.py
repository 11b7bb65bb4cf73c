"""The second moment of every tensor of a Program, and the scales of the free cores that give it.

Second moments follow from second moments (``law``) times a correction, which is 1 where that is exact and measured on
samples elsewhere. Free cores are chosen on the way: the first statement that uses them comes out with unit variance.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING, assert_never

from tnc.init.exactness import core_views, inexact_statements
from tnc.init.moments import (
    activated_moment,
    core_moment,
    homogeneous_gain,
    input_moment,
    isometry_moment,
    normal_sample,
    squared,
)
from tnc.init.shrinking import pruned
from tnc.ir.legs import used_tensors
from tnc.ir.program import (
    Apply,
    Constant,
    Contract,
    Delta,
    Dim,
    Entries,
    Normalize,
    Pointwise,
    Program,
    Scalar,
    Statement,
    Sum,
    Use,
    View,
)

if TYPE_CHECKING:
    from tnc.init.sampling import Sampler

_PRELU_SLOPE = 0.25
"""What the slope of a ``prelu`` starts from if the author does not say; any other coefficient starts from 1."""

_LARGEST_EXPONENT = 300.0
"""A core is scaled by no more than the exponential of this, which leaves room for its square."""


class Variances:
    """Second moments by tensor, and the ``scales`` of free cores."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.parameters = {str(parameter.name): parameter for parameter in program.parameters}
        self.cores = core_views(program)
        self.scales: dict[str, float] = {}
        self._moments = {given.name: input_moment(given) for given in program.inputs}
        for name, parameter in self.parameters.items():
            moment = core_moment(parameter)
            if moment is not None:
                self._moments[name] = moment
        self._corrections: dict[str, float] = {}
        self._laws: dict[str, tuple[tuple[float, float], ...]] = {}
        self._activated: dict[str, tuple[float, tuple[float, ...], float]] = {}
        self._choose_coefficients()
        starts = {name: self._start(name) for name, parameter in self.parameters.items() if not parameter.shape}
        self._inexact = inexact_statements(program, starts)
        self._sampler = _sampler(program, self._inexact) if self._inexact else None
        self._forward()

    def moment(self, tensor: str) -> float:
        """The second moment of a tensor."""
        return self._moments[self.cores.get(tensor, tensor)]

    def correction(self, name: str) -> float:
        """The logarithm of a statement's sampled second moment over the one by the law; 0 without usable samples."""
        correction = self._corrections.get(name, 1.0)
        return math.log(correction) if 0 < correction < math.inf else 0.0

    def is_predicted(self, name: str) -> bool:
        """Whether a statement's moment follows from those of its arguments, or was sampled."""
        return name not in self._inexact or name in self._corrections or name in self._laws

    def scale(self, cores: dict[str, int], factor: float) -> None:
        """Multiply the scales of free cores."""
        for core in cores:
            self._set_scale(core, self.scales[core] * factor)

    def update(self, statement: Statement) -> None:
        """Compute a statement's moment anew."""
        if statement.name not in self.cores:
            self._moments[statement.name] = self._law(statement) * self._corrections.get(statement.name, 1.0)

    def is_homogeneous(self, statement: Statement) -> bool:
        """Whether twice its arguments give twice a statement."""
        if isinstance(statement, Pointwise):
            return homogeneous_gain(statement.function, self.scalars(statement)) is not None
        return not isinstance(statement, Normalize)

    # -- from inputs to outputs ----------------------------------------------------------------

    def _choose_coefficients(self) -> None:
        """Scalar cores that are only coefficients of activations have no scale to be found."""
        for statement in self.program.statements:
            if isinstance(statement, Pointwise):
                prelu = isinstance(statement.function, Apply) and statement.function.operator == "prelu"
                for scalar in statement.arguments[1:]:
                    core = self.cores.get(scalar)
                    if core is not None and core not in self._moments:
                        self._set_scale(core, _PRELU_SLOPE if prelu else 1.0)

    def _forward(self) -> None:
        """Visit every statement once; free cores get the scale that gives the statement unit variance."""
        for statement in self.program.statements:
            if statement.name in self.cores:
                self._sample_view(statement)
                continue
            free = self._free(statement)
            if free:
                self._choose(statement, free)
            self.update(statement)
            if self._sampler is not None and statement.name in self._sampler.statements:
                self._sample(statement, free)
        for output in self.program.outputs:
            core = self.cores.get(output.tensor)
            if core is not None and core not in self._moments:
                self._choose_alone(core)
        for core in self.parameters:
            if core not in self._moments:
                self._set_scale(core, 1.0)

    def _free(self, statement: Statement) -> dict[str, int]:
        """The free cores that a statement reads and none before did, with the number of uses."""
        free: dict[str, int] = {}
        for tensor in used_tensors(statement):
            core = self.cores.get(tensor)
            if core is not None and core not in self._moments:
                free[core] = free.get(core, 0) + 1
        return free

    def _choose(self, statement: Statement, free: dict[str, int]) -> None:
        """Set the scales of the free cores so that the statement, by the law, has unit variance."""
        if not isinstance(statement, Contract):
            for core in free:
                self._choose_alone(core)
            return
        for core in free:
            self._set_scale(core, 1.0)
        self._rescale(free, contract_logarithm(statement, self.moment))

    def _choose_alone(self, core: str) -> None:
        """A core that is a term, an argument or an output by itself has unit variance itself."""
        self._set_scale(core, 1 / math.sqrt(isometry_moment(self.parameters[core])))

    def _rescale(self, free: dict[str, int], logarithm: float) -> None:
        """Bring a region to unit variance, given the logarithm of its second moment."""
        if math.isfinite(logarithm):
            exponent = -0.5 * logarithm / sum(free.values())
            self.scale(free, math.exp(max(-_LARGEST_EXPONENT, min(_LARGEST_EXPONENT, exponent))))

    def _set_scale(self, core: str, scale: float) -> None:
        self.scales[core] = scale
        self._moments[core] = squared(scale) * isometry_moment(self.parameters[core])

    # -- the law -------------------------------------------------------------------------------

    def _law(self, statement: Statement) -> float:
        match statement:
            case Contract():
                return contract_moment(statement, self.moment)
            case Sum():
                return _sum_moment(statement, self.moment)
            case Pointwise():
                return self._pointwise_moment(statement)
            case Normalize(argument=argument):
                return 1.0 if self.moment(argument) > 0 else 0.0
            case View(argument=argument):
                return self.moment(argument)
            case _:
                assert_never(statement)

    def _pointwise_moment(self, statement: Pointwise) -> float:
        function, moment = statement.function, self.moment(statement.arguments[0])
        scalars = self.scalars(statement)
        law = self._laws.get(statement.name)
        if law is not None:
            known = self._activated.get(statement.name)
            if known is None or known[:2] != (moment, scalars):
                known = moment, scalars, activated_moment(function, moment, scalars, law)
                self._activated[statement.name] = known
            return known[2]
        gain = homogeneous_gain(function, scalars)
        return _normal_moment(function, float(f"{moment:.12g}"), scalars) if gain is None else gain * moment

    def scalars(self, statement: Statement) -> tuple[float, ...]:
        """The numbers that the further arguments of an activation start from."""
        if not isinstance(statement, Pointwise):
            return ()
        return tuple(self._start(scalar) for scalar in statement.arguments[1:])

    def _start(self, scalar: str) -> float:
        core = self.cores.get(scalar)
        init = self.parameters[core].init if core is not None else None
        match init:
            case Constant(value=value) | Entries(values=(value,)):
                return value
            case _:
                moment = self._moments.get(core or scalar)
                return 1.0 if moment is None else math.sqrt(moment)

    # -- samples -------------------------------------------------------------------------------

    def _sample_view(self, statement: Statement) -> None:
        if self._sampler is not None and statement.name in self._sampler.statements:
            self._draw_cores(self._sampler, statement)
            self._sampler.run(statement.name, (), {})

    def _draw_cores(self, sampler: Sampler, statement: Statement) -> None:
        for tensor in used_tensors(statement):
            if tensor in self.parameters and not sampler.has(tensor):
                sampler.draw_core(tensor)

    def _sample(self, statement: Statement, free: dict[str, int]) -> None:
        """Run a statement on samples: correct its moment if the law is not exact, then give the sample that moment."""
        from tnc.init.sampling import TooLargeError, rounded

        sampler = self._sampler
        if sampler is None:
            return
        name = statement.name
        self._draw_cores(sampler, statement)
        deviations = {
            tensor: math.sqrt(self.moment(tensor)) for tensor in used_tensors(statement) if tensor in self.cores
        }
        try:
            sampler.run(name, self.scalars(statement), deviations)
        except TooLargeError:
            self._sampler = None
            return
        small = sampler.statements[name]
        inexact = name in self._inexact
        if isinstance(statement, Pointwise) and inexact:
            self._laws[name] = sampler.law(statement.arguments[0])
        elif inexact:
            expected = self._expected(small, sampler.moment)
            if expected > 0:
                self._corrections[name] = rounded(sampler.moment(name) / expected)
                self._rescale_sampled(statement, free)
        self.update(statement)
        if isinstance(small, Contract):
            expected = self._expected(small, self._sampled_moment) * self._corrections.get(name, 1.0)
            if expected > 0:
                sampler.scale(name, math.sqrt(self.moment(name) / expected))

    def _rescale_sampled(self, statement: Statement, free: dict[str, int]) -> None:
        if isinstance(statement, Contract) and free:
            correction = _logarithm(self._corrections[statement.name])
            self._rescale(free, correction + contract_logarithm(statement, self.moment))

    def _expected(self, small: Statement, moment: Callable[[str], float]) -> float:
        """What the law says of a cut-down statement whose operands have these moments; cores were drawn with 1."""
        match small:
            case Contract():
                return contract_moment(small, lambda tensor: self._drawn(tensor, moment))
            case Sum():
                return _sum_moment(
                    small, lambda tensor: self.moment(tensor) if tensor in self.cores else moment(tensor)
                )
            case Pointwise() | Normalize() | View():
                return 1.0

    def _drawn(self, tensor: str, moment: Callable[[str], float]) -> float:
        core = self.cores.get(tensor)
        if core is None:
            return moment(tensor)
        given = isinstance(self.parameters[core].init, Constant | Entries)
        return self._sampled_moment(tensor) if given else 1.0

    def _sampled_moment(self, tensor: str) -> float:
        """The moment that a sample was given, or that of given numbers, which cutting down may have changed."""
        if tensor in self.cores:
            assert self._sampler is not None
            return self._sampler.moment(tensor)
        return self.moment(tensor)


def contract_logarithm(statement: Contract, moment: Callable[[str], float]) -> float:
    """The logarithm of the second moment of a product of tensors with these second moments."""
    return product_logarithm(statement, lambda tensor: _logarithm(moment(tensor)))


def product_logarithm(statement: Contract, logarithm: Callable[[str], float]) -> float:
    """The logarithm of the second moment of a product: of ∏ summed dimensions · ∏ second moments.

    ``logarithm`` gives those of the tensors. Thousands of factors are multiplied, and no float may hold their product.
    """
    shown = set(statement.legs)
    terms = [2 * _logarithm(abs(statement.scale))]
    terms += [math.log(_size(dim)) for leg, dim in enumerate(statement.dims) if leg not in shown]
    for factor in statement.factors:
        if isinstance(factor, Use):
            terms.append(logarithm(factor.tensor))
        elif isinstance(factor, Delta):
            # What is left of deltas embeds a diagonal: the mean runs over its zeros, too.
            terms.append(-math.log(_size(statement.dims[factor.legs[0]])) * (len(set(factor.legs)) - 1))
    return -math.inf if -math.inf in terms else math.fsum(terms)


def contract_moment(statement: Contract, moment: Callable[[str], float]) -> float:
    """The second moment of a product; infinite if no number can hold it."""
    try:
        return math.exp(contract_logarithm(statement, moment))
    except OverflowError:
        return math.inf


def _logarithm(value: float) -> float:
    return math.log(value) if value > 0 else -math.inf


def _sum_moment(statement: Sum, moment: Callable[[str], float]) -> float:
    return math.fsum(squared(term.coefficient) * moment(term.use.tensor) for term in statement.terms)


@lru_cache(maxsize=1024)
def _normal_moment(function: Scalar, moment: float, scalars: tuple[float, ...]) -> float:
    return activated_moment(function, moment, scalars, normal_sample())


def _size(dim: Dim) -> int:
    """A dynamic size is not known; 1 stands for it."""
    return dim if isinstance(dim, int) else 1


def _sampler(program: Program, statements: frozenset[str]) -> Sampler | None:
    from tnc.init.sampling import Sampler, TooLargeError

    try:
        return Sampler(pruned(program, statements))
    except TooLargeError:
        return None
