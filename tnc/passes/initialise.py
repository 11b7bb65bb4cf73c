"""The ``auto`` law: scales of cores, chosen so that variances neither die nor explode and outputs come out as declared.

In a product of independent tensors with mean zero the variance of an entry is ∏ summed dimensions · ∏ variances of the
factors. Activations change it by a factor that depends on the activation alone, as far as their arguments are normal.
So a Program is walked once from its inputs to its outputs: every region with free cores gets unit variance, and the
last one before an output the variance that makes the output right.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import assert_never

from tnc.diagnostics import Diagnostic
from tnc.ir.legs import used_tensors
from tnc.ir.program import (
    Constant,
    Contract,
    Delta,
    Dim,
    Init,
    Normal,
    Normalize,
    Orthogonal,
    Output,
    Parameter,
    Pointwise,
    Program,
    Statement,
    Sum,
    Use,
    View,
)
from tnc.passes.pipeline import run_passes
from tnc.passes.second_moments import activated_moment, core_moment

_TOLERANCE = 0.01
"""How far an output may stay from its declared deviation, relative to it."""

_LARGEST_ISOMETRY = 512
"""Beyond this a random isometry costs too much to draw, and normal entries are as good as one."""


@dataclass(frozen=True, slots=True)
class Deviation:
    """The predicted root mean square of a tensor, over entries and seeds."""

    name: str
    std: float


@dataclass(frozen=True, slots=True)
class Initialisation:
    """How every ``auto`` core starts, by canonical name, and what deviations follow from that.

    ``diagnostics`` tells of outputs that cannot have their declared deviation.
    """

    inits: dict[str, Init]
    regions: tuple[Deviation, ...]
    outputs: tuple[Deviation, ...]
    diagnostics: tuple[Diagnostic, ...]


def initialise(program: Program) -> Initialisation:
    """Choose the scale of every ``auto`` core, from the Program alone; inputs count as unit variance."""
    solver = _Solver(run_passes(program))
    solver.forward()
    diagnostics = solver.fit_outputs()
    moments = solver.moments
    return Initialisation(
        inits={name: _init(solver.parameters[name], scale) for name, scale in solver.scales.items()},
        regions=tuple(
            Deviation(statement.name, math.sqrt(moments[statement.name]))
            for statement in solver.program.statements
            if not isinstance(statement, View)
        ),
        outputs=tuple(Deviation(output.name, math.sqrt(moments[output.tensor])) for output in solver.program.outputs),
        diagnostics=diagnostics,
    )


def _unit(parameter: Parameter) -> float:
    """The mean square of the entries of an isometry of this shape."""
    rows = math.prod(parameter.shape[: parameter.inputs])
    columns = math.prod(parameter.shape[parameter.inputs :])
    return 1 / max(rows, columns)


def _init(parameter: Parameter, scale: float) -> Init:
    """A random isometry times ``scale``, or what stands for one."""
    rounded = float(f"{scale:.9g}")
    if not parameter.shape:
        return Constant(rounded)
    rows = math.prod(parameter.shape[: parameter.inputs])
    columns = math.prod(parameter.shape[parameter.inputs :])
    if min(rows, columns) > _LARGEST_ISOMETRY:
        return Normal(float(f"{scale * math.sqrt(_unit(parameter)):.9g}"))
    return Orthogonal(rounded)


@dataclass(slots=True)
class _Solver:
    """The second moment of every tensor, and the scales of the free cores that gave it."""

    program: Program
    moments: dict[str, float] = field(default_factory=dict[str, float])
    scales: dict[str, float] = field(default_factory=dict[str, float])
    parameters: dict[str, Parameter] = field(default_factory=dict[str, Parameter])
    carried: dict[str, dict[str, int]] = field(default_factory=dict[str, dict[str, int]])
    """Which free cores a statement was the first to use, and how often."""
    _cores: dict[str, str] = field(default_factory=dict[str, str])
    """Tensors that are cores, seen through views."""

    def __post_init__(self) -> None:
        for parameter in self.program.parameters:
            name = str(parameter.name)
            self.parameters[name] = parameter
            self._cores[name] = name
            moment = core_moment(parameter)
            if moment is not None:
                self.moments[name] = moment
        for given in self.program.inputs:
            self.moments[given.name] = 1.0

    # -- from inputs to outputs ----------------------------------------------------------------

    def forward(self) -> None:
        """Visit every statement once; free cores get the scale that gives the statement unit variance."""
        for statement in self.program.statements:
            if isinstance(statement, View) and statement.argument in self._cores:
                self._cores[statement.name] = self._cores[statement.argument]
                if statement.argument in self.moments:
                    self.moments[statement.name] = self.moments[statement.argument]
                continue
            free = self._free(statement)
            if free:
                self._choose(statement, free)
            self.moments[statement.name] = self._moment(statement)
        for output in self.program.outputs:
            core = self._cores.get(output.tensor)
            if core is not None and core not in self.moments:
                self._set_scale(core, 1 / math.sqrt(_unit(self.parameters[core])))
                self.carried[core] = {core: 1}
        for name, core in self._cores.items():
            if core not in self.moments:
                self._set_scale(core, 1.0)
            self.moments[name] = self.moments[core]

    def _free(self, statement: Statement) -> dict[str, int]:
        """The free cores that a statement reads and none before did, with the number of uses."""
        free: dict[str, int] = {}
        for tensor in used_tensors(statement):
            core = self._cores.get(tensor)
            if core is not None and core not in self.moments:
                free[core] = free.get(core, 0) + 1
        return free

    def _choose(self, statement: Statement, free: dict[str, int]) -> None:
        """Set the scales of the free cores so that the statement has unit variance."""
        for core in free:
            self._set_scale(core, 1.0)
        match statement:
            case Contract():
                moment = self._moment(statement)
                uses = sum(free.values())
                self.carried[statement.name] = free
                if moment > 0 and math.isfinite(moment):
                    self._scale(free, moment ** (-0.5 / uses))
            case Sum() | Pointwise() | Normalize() | View():
                for core in free:
                    self.carried[core] = {core: 1}
                    shape = self.parameters[core].shape
                    self._set_scale(core, 1 / math.sqrt(_unit(self.parameters[core])) if shape else 1.0)
            case _:
                assert_never(statement)

    def _set_scale(self, core: str, scale: float) -> None:
        self.scales[core] = scale
        self.moments[core] = scale**2 * _unit(self.parameters[core])

    def _scale(self, cores: dict[str, int], factor: float) -> None:
        for core in cores:
            self._set_scale(core, self.scales[core] * factor)

    def _of(self, tensor: str) -> float:
        return self.moments[self._cores.get(tensor, tensor)]

    def _moment(self, statement: Statement) -> float:
        match statement:
            case Contract():
                return self._contract_moment(statement)
            case Sum(terms=terms):
                return math.fsum(term.coefficient**2 * self._of(term.use.tensor) for term in terms)
            case Pointwise(function=function, arguments=arguments):
                scalars = tuple(self._start(scalar) for scalar in arguments[1:])
                return activated_moment(function, self._of(arguments[0]), scalars)
            case Normalize(argument=argument):
                return 1.0 if self._of(argument) > 0 else 0.0
            case View(argument=argument):
                return self._of(argument)
            case _:
                assert_never(statement)

    def _contract_moment(self, statement: Contract) -> float:
        shown = set(statement.legs)
        moment = statement.scale**2
        for leg, dim in enumerate(statement.dims):
            if leg not in shown:
                moment *= _size(dim)
        for factor in statement.factors:
            if isinstance(factor, Use):
                moment *= self._of(factor.tensor)
            elif isinstance(factor, Delta):
                # What is left of deltas embeds a diagonal: the mean runs over its zeros, too.
                moment /= _size(statement.dims[factor.legs[0]]) ** (len(set(factor.legs)) - 1)
        return moment

    def _start(self, scalar: str) -> float:
        """The number that a scalar argument of an activation starts from, as far as it is one."""
        core = self._cores.get(scalar)
        init = self.parameters[core].init if core is not None else None
        return init.value if isinstance(init, Constant) else math.sqrt(self._of(scalar))

    # -- from outputs back ---------------------------------------------------------------------

    def fit_outputs(self) -> tuple[Diagnostic, ...]:
        """Scale the last free regions before every output until it has its deviation."""
        position = {statement.name: index for index, statement in enumerate(self.program.statements)}
        fitted: set[str] = set()
        for output in sorted(self.program.outputs, key=lambda output: position.get(output.tensor, -1)):
            wanted = _wanted(output, self.program.shapes()[output.tensor]) ** 2
            regions, between = self._carriers(output.tensor)
            if regions and fitted.isdisjoint(regions):
                self._fit(output.tensor, wanted, regions, between)
                fitted.update(regions)
        return tuple(self._complaints())

    def _carriers(self, tensor: str) -> tuple[tuple[str, ...], tuple[Statement, ...]]:
        """The last regions with free cores on the way to a tensor, and the statements from them to it, in order."""
        statements = {statement.name: statement for statement in self.program.statements}
        regions: dict[str, None] = {}
        between: dict[str, None] = {}
        pending = [tensor]
        seen: set[str] = set()
        while pending:
            name = pending.pop()
            core = self._cores.get(name)
            if core is not None:
                if core in self.carried:
                    regions[core] = None
                continue
            if name in seen or name not in statements:
                continue
            seen.add(name)
            statement = statements[name]
            between[name] = None
            if name in self.carried:
                regions[name] = None
                continue
            match statement:
                case Contract():
                    pending.extend(self._leading(statement, statements))
                case Sum():
                    pending.extend(used_tensors(statement))
                case Pointwise(arguments=arguments):
                    pending.append(arguments[0])
                case View(argument=argument):
                    pending.append(argument)
                case Normalize():
                    pass
                case _:
                    assert_never(statement)
        ordered = tuple(statement for statement in self.program.statements if statement.name in between)
        return tuple(regions), ordered

    def _leading(self, statement: Contract, statements: dict[str, Statement]) -> Iterator[str]:
        """The factor whose scale becomes the scale of a region without free cores: its first computed one."""
        for factor in statement.factors:
            if isinstance(factor, Use) and factor.tensor in statements and factor.tensor not in self._cores:
                yield factor.tensor
                return

    def _fit(self, tensor: str, wanted: float, regions: tuple[str, ...], between: tuple[Statement, ...]) -> None:
        """Find the factor for the regions' variance that gives the output the wanted one.

        A secant in logarithms: exact at once where all between is linear or homogeneous (relu), a few steps elsewhere.
        """
        slope = 1.0
        for _ in range(40):
            moment = self._of(tensor)
            if not (moment > 0 and math.isfinite(moment)):
                return
            error = math.log(wanted / moment)
            if abs(error) < 1e-12:
                return
            step = max(-40.0, min(40.0, error / slope))
            for region in regions:
                cores = self.carried[region]
                self._scale(cores, math.exp(step / 2 / sum(cores.values())))
            for statement in between:
                self.moments[statement.name] = self._moment(statement)
            after = self._of(tensor)
            if not (after > 0 and math.isfinite(after)):
                return
            slope = max(0.05, min(4.0, math.log(after / moment) / step))

    def _complaints(self) -> Iterator[Diagnostic]:
        for statement in self.program.statements:
            if statement.name not in self._cores:
                self.moments[statement.name] = self._moment(statement)
        for output in self.program.outputs:
            if output.std is None:
                continue
            found = math.sqrt(self._of(output.tensor))
            if abs(found / output.std - 1) <= _TOLERANCE:
                continue
            yield Diagnostic(
                "TN403",
                f"no `auto` core can give the output `{output.name}` the declared deviation {output.std:.6g}",
                output.span,
                label=f"starts with {found:.6g}",
                help="leave a core of the last stage without `init`, or declare a deviation that can be had",
            )


def _size(dim: Dim) -> int:
    """A dynamic size is not known; 1 stands for it."""
    return dim if isinstance(dim, int) else 1


def _wanted(output: Output, shape: tuple[Dim, ...]) -> float:
    """The declared deviation; without one, Glorot's where axes are called ``out`` and ``in``, else 1."""
    if output.std is not None:
        return output.std
    sizes = {axis: _size(dim) for axis, dim in zip(output.axes, shape, strict=True) if axis is not None}
    if "out" not in sizes or "in" not in sizes:
        return 1.0
    field_size = sizes.get("kh", 1) * sizes.get("kw", 1)
    return math.sqrt(2 / (field_size * (sizes["out"] + sizes["in"])))
