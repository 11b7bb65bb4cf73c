"""Which second moments follow from second moments alone.

In a Contract they do where cores with uncorrelated, mean-zero entries, met for the first time, hold all that is
summed: then the square of a sum has the mean of the sum of squares. In a Pointwise they do for relu and its like,
where the argument is as likely positive as negative. All else depends on whole distributions and has to be sampled.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from typing import assert_never

from tnc.init.moments import core_moment, homogeneous_gain, is_white, sides
from tnc.ir.legs import used_tensors
from tnc.ir.program import (
    Auto,
    Constant,
    Contract,
    Entries,
    Identity,
    Index,
    Normalize,
    Numbers,
    OneHot,
    Parameter,
    Pointwise,
    Program,
    Reshape,
    Select,
    Statement,
    Sum,
    Use,
    View,
)


def core_views(program: Program) -> dict[str, str]:
    """Tensors that are a core, or a core seen through views, with the core's name."""
    cores = {str(parameter.name): str(parameter.name) for parameter in program.parameters}
    for statement in program.statements:
        if isinstance(statement, View) and statement.argument in cores:
            cores[statement.name] = cores[statement.argument]
    return cores


def inexact_statements(program: Program, starts: Mapping[str, float]) -> frozenset[str]:
    """The statements whose second moment has to be sampled, given the scalars that activations take."""
    return _Analysis(program, starts).inexact()


def _one_hot_views(program: Program) -> frozenset[str]:
    """One-hot inputs, and entries and reshapes of them that keep their last axis."""
    shapes = program.shapes()
    found = {given.name for given in program.inputs if isinstance(given.values, OneHot | Index)}
    for statement in program.statements:
        if isinstance(statement, View) and statement.argument in found:
            old, kind = shapes[statement.argument], statement.kind
            selects = isinstance(kind, Select) and kind.axis < len(old) - 1
            if selects or (isinstance(kind, Reshape) and statement.shape[-1:] == old[-1:]):
                found.add(statement.name)
    return frozenset(found)


class _Analysis:
    def __init__(self, program: Program, starts: Mapping[str, float]) -> None:
        self._program = program
        self._starts = starts
        self._cores = core_views(program)
        self._parameters = {str(parameter.name): parameter for parameter in program.parameters}
        self._uses: Counter[str] = Counter()
        for statement in program.statements:
            if statement.name not in self._cores:
                self._uses.update(self._cores.get(tensor, tensor) for tensor in used_tensors(statement))
        self._symmetric = {given.name for given in program.inputs if isinstance(given.values, Numbers)}
        self._white_inputs = frozenset(self._symmetric)
        self._one_hot = _one_hot_views(program)
        self._symmetric.update(name for name, core in self._cores.items() if is_white(self._parameters[core]))
        self._position = {statement.name: index for index, statement in enumerate(program.statements)}

    def inexact(self) -> frozenset[str]:
        found: set[str] = set()
        for statement in self._program.statements:
            if statement.name in self._cores:
                continue
            if not self._is_exact(statement):
                found.add(statement.name)
            if self._is_symmetric(statement):
                self._symmetric.add(statement.name)
        return frozenset(found)

    # -- symmetry ------------------------------------------------------------------------------

    def _is_symmetric(self, statement: Statement) -> bool:
        """Whether a change of sign leaves the law of the whole tensor as it is, all that came before held fixed."""
        match statement:
            case Contract():
                return any(isinstance(factor, Use) and self._is_fresh(factor) for factor in statement.factors)
            case View(argument=argument):
                return argument in self._symmetric
            case Sum():
                terms = self._terms(statement)
                return len(terms) == 1 and terms[0] in self._symmetric
            case Pointwise() | Normalize():
                return False
            case _:
                assert_never(statement)

    def _is_fresh(self, use: Use) -> bool:
        """A white core or an input with entries of mean zero that is used here and nowhere else."""
        if use.tensor in self._cores:
            core = self._cores[use.tensor]
            return is_white(self._parameters[core]) and self._uses[core] == 1
        return use.tensor in self._white_inputs and self._uses[use.tensor] == 1

    # -- exactness -----------------------------------------------------------------------------

    def _is_exact(self, statement: Statement) -> bool:
        match statement:
            case Contract():
                return self._is_exact_contract(statement)
            case Sum():
                return self._is_exact_sum(statement)
            case Pointwise(function=function, arguments=arguments):
                scalars = tuple(self._starts.get(self._cores.get(scalar, scalar), math.nan) for scalar in arguments[1:])
                return arguments[0] in self._symmetric and homogeneous_gain(function, scalars) is not None
            case Normalize() | View():
                return True
            case _:
                assert_never(statement)

    def _is_exact_contract(self, statement: Contract) -> bool:
        held: set[int] = set()
        others: list[Use] = []
        ones: list[int] = []  # summed legs along which some factor has a single 1: its squares sum to 1 there
        for factor in statement.factors:
            if not isinstance(factor, Use):
                continue
            if factor.tensor in self._one_hot and factor.legs[-1] not in statement.legs:
                ones.append(factor.legs[-1])
            elif self._is_fresh(factor) or self._is_fresh_gate(factor):
                held.update(factor.legs)
            elif factor.legs or not self._is_fixed(factor.tensor):
                others.append(factor)
        summed = {leg for factor in statement.factors for leg in factor.legs}.difference(statement.legs)
        if not summed <= held or len(set(ones)) < len(ones):
            return False
        if any(len(set(use.legs)) < len(use.legs) for use in others):
            return False
        if sum(not self._is_fixed(use.tensor) for use in others) > 1:
            return False
        legs = [leg for use in others for leg in use.legs]
        return len(set(legs)) == len(legs)

    def _is_fresh_gate(self, use: Use) -> bool:
        """A square gate that starts near the identity: it keeps norms, up to its noise."""
        core = self._cores.get(use.tensor)
        if core is None or self._uses[core] != 1:
            return False
        parameter = self._parameters[core]
        rows, columns = sides(parameter.shape, parameter.inputs)
        return isinstance(parameter.init, Identity) and rows == columns

    def _is_fixed(self, tensor: str) -> bool:
        """A core that starts from given numbers."""
        core = self._cores.get(tensor)
        return core is not None and not _is_random(self._parameters[core])

    def _is_exact_sum(self, statement: Sum) -> bool:
        """Whether the terms are uncorrelated: of any two, the later one changes its sign by itself."""
        terms = self._terms(statement)
        if len(set(terms)) < len(terms):
            return False
        ordered = sorted(terms, key=lambda tensor: self._position.get(tensor, -1))
        return all(tensor in self._symmetric for tensor in ordered[1:])

    def _terms(self, statement: Sum) -> list[str]:
        """The tensors of a sum, without cores that start at zero."""
        tensors = [term.use.tensor for term in statement.terms if term.coefficient != 0]
        return [tensor for tensor in tensors if not self._is_zero(tensor)]

    def _is_zero(self, tensor: str) -> bool:
        core = self._cores.get(tensor)
        return core is not None and core_moment(self._parameters[core]) == 0


def _is_random(parameter: Parameter) -> bool:
    given = isinstance(parameter.init, Constant | Entries)
    return not given and not (isinstance(parameter.init, Auto) and not parameter.shape)
