"""The ``auto`` law: how cores start, so that variances neither die nor explode and outputs come out as declared.

Every free core is a random isometry times a number. A Program is walked once from its inputs to its outputs
(``tnc.init.variances``), and every region with free cores gets unit variance. Then the last such regions before each
output are scaled until the output has its deviation.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias, assert_never

from tnc.diagnostics import Diagnostic
from tnc.init.moments import isometry_moment, sides, squared
from tnc.init.ranges import range_lints
from tnc.init.variances import Variances
from tnc.ir.legs import used_tensors
from tnc.ir.program import (
    Constant,
    Contract,
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
    View,
)
from tnc.passes.pipeline import run_passes

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

    ``diagnostics`` report outputs that cannot have their declared deviation, and values that leave the range of the
    dtype. ``optimised`` is the Program after the passes, which all of this is computed from.
    """

    inits: dict[str, Init]
    regions: tuple[Deviation, ...]
    outputs: tuple[Deviation, ...]
    diagnostics: tuple[Diagnostic, ...]
    optimised: Program


def initialise(program: Program, dtype: str = "float32") -> Initialisation:
    """Choose the scale of every ``auto`` core, from the Program alone, what it says about its inputs included.

    ``dtype`` decides nothing but the warnings about values that leave its range.
    """
    optimised = run_passes(program)
    variances = Variances(optimised)
    _fit_outputs(variances)
    _refresh(variances)
    statements = variances.program.statements
    return Initialisation(
        inits={name: _init(variances.parameters[name], scale) for name, scale in variances.scales.items()},
        regions=tuple(_deviation(s.name, s.name, variances) for s in statements if not isinstance(s, View)),
        outputs=tuple(_deviation(o.name, o.tensor, variances) for o in variances.program.outputs),
        diagnostics=(*_complaints(variances), *range_lints(variances, dtype)),
        optimised=optimised,
    )


def _deviation(name: str, tensor: str, variances: Variances) -> Deviation:
    return Deviation(name, math.sqrt(variances.moment(tensor)))


def _init(parameter: Parameter, scale: float) -> Init:
    """A random isometry times ``scale``, or what stands for one."""
    if not parameter.shape:
        return Constant(float(f"{scale:.9g}"))
    if min(sides(parameter.shape, parameter.inputs)) > _LARGEST_ISOMETRY:
        return Normal(float(f"{scale * math.sqrt(isometry_moment(parameter)):.9g}"))
    return Orthogonal(float(f"{scale:.9g}"))


# -- outputs -----------------------------------------------------------------------------------


def _fit_outputs(variances: Variances) -> None:
    """Scale the last free cores before every output until it has its deviation.

    Outputs that declare one choose their cores first, then in the order in which they are computed. Cores are scaled
    from the inputs on: what comes later in the network makes up for what was changed before it.
    """
    program = variances.program
    statements = {statement.name: statement for statement in program.statements}
    position = {name: index for index, name in enumerate(statements)}
    shapes = program.shapes()
    taken: set[str] = set()
    fits: list[tuple[int, _Fit]] = []
    for output in sorted(program.outputs, key=lambda o: (o.std is None, position.get(o.tensor, -1))):
        carriers, scales = _carriers(output.tensor, variances, statements)
        wanted = _wanted(output, shapes[output.tensor]) if scales else output.std
        cores = {core for group in carriers.values() for core in group}
        if wanted is not None and cores and taken.isdisjoint(cores):
            fit = _Fit(output.tensor, squared(wanted), tuple(carriers.values()))
            fits.append((max(position.get(name, -1) for name in carriers), fit))
            taken.update(cores)
    for number, (_, fit) in enumerate(sorted(fits, key=lambda each: each[0])):
        if number:
            _refresh(variances)
        _apply(fit, variances)


def _refresh(variances: Variances) -> None:
    """Carry what was changed on to all that follows."""
    for statement in variances.program.statements:
        variances.update(statement)


_Cores: TypeAlias = dict[str, int]
"""The free cores of a region, each with the number of its uses there."""


@dataclass(frozen=True, slots=True)
class _Fit:
    """The regions whose free cores are scaled until a tensor has a second moment."""

    tensor: str
    moment: float
    regions: tuple[_Cores, ...]


def _carriers(tensor: str, variances: Variances, statements: dict[str, Statement]) -> tuple[dict[str, _Cores], bool]:
    """The last regions with free cores, on all ways to a tensor, and whether it scales as they do.

    It does not behind a tanh, which no author wants saturated just because no deviation was declared.
    """
    scales = True
    found: dict[str, _Cores] = {}
    seen: set[str] = set()
    pending = [tensor]
    while pending:
        name = pending.pop()
        name = variances.cores.get(name, name)
        if name in seen:
            continue
        seen.add(name)
        if name in variances.scales:
            found[name] = {name: 1}
        elif name in statements:
            statement = statements[name]
            cores = _free_factors(statement, variances)
            if cores:
                found[name] = cores
            else:
                scales = scales and variances.is_homogeneous(statement)
                pending.extend(_scaled_by(statement, variances, statements))
    return found, scales


def _free_factors(statement: Statement, variances: Variances) -> _Cores:
    if not isinstance(statement, Contract):
        return {}
    used = (variances.cores.get(tensor) for tensor in used_tensors(statement))
    return dict(Counter(core for core in used if core is not None and core in variances.scales))


def _scaled_by(statement: Statement, variances: Variances, statements: dict[str, Statement]) -> tuple[str, ...]:
    """The tensors whose scale becomes that of a statement without free cores."""
    match statement:
        case Contract():
            computed = [
                tensor for tensor in used_tensors(statement) if tensor in statements and tensor not in variances.cores
            ]
            return tuple(computed[:1])
        case Sum():
            return used_tensors(statement)
        case Pointwise(arguments=arguments):
            return arguments[:1]
        case View(argument=argument):
            return (argument,)
        case Normalize():
            return ()
        case _:
            assert_never(statement)


def _apply(fit: _Fit, variances: Variances) -> None:
    """Find the factor for the regions' variance that gives the tensor the wanted one; if there is none, do nothing.

    A secant in logarithms: exact at once where all between is linear or homogeneous (relu), a few steps elsewhere.
    """
    tensor, wanted, regions = fit.tensor, fit.moment, fit.regions
    if not 0 < wanted < math.inf:
        return  # no float holds the square of such a deviation
    affected = _affected(tensor, {core for cores in regions for core in cores}, variances)
    total, slope = 0.0, 1.0
    for _ in range(60):
        moment = variances.moment(tensor)
        if not (moment > 0 and math.isfinite(moment)):
            break
        error = math.log(wanted / moment)
        if abs(error) < 1e-10:
            return
        step = max(-10.0, min(10.0, error / slope))
        total += step
        _multiply(regions, step, affected, variances)
        after = variances.moment(tensor)
        if not (after > 0 and math.isfinite(after)):
            break
        slope = max(0.1, min(4.0, math.log(after / moment) / step))
    if abs(math.sqrt(variances.moment(tensor) / wanted) - 1) > _TOLERANCE:
        _multiply(regions, -total, affected, variances)


def _affected(tensor: str, cores: set[str], variances: Variances) -> list[Statement]:
    """The statements from the first that uses one of the cores to the one that makes the tensor."""
    affected: list[Statement] = []
    for statement in variances.program.statements:
        if affected or any(variances.cores.get(used) in cores for used in used_tensors(statement)):
            affected.append(statement)
        if statement.name == tensor:
            break
    return affected


def _multiply(regions: tuple[_Cores, ...], logarithm: float, affected: list[Statement], variances: Variances) -> None:
    """Multiply the variance of every region by the exponential of a number."""
    for cores in regions:
        variances.scale(cores, math.exp(logarithm / 2 / sum(cores.values())))
    for statement in affected:
        variances.update(statement)


def _complaints(variances: Variances) -> Iterator[Diagnostic]:
    for output in variances.program.outputs:
        if output.std is None:
            continue
        found = math.sqrt(variances.moment(output.tensor))
        if abs(found / output.std - 1) <= _TOLERANCE:
            continue
        yield Diagnostic(
            "TN403",
            f"no `auto` core can give the output `{output.name}` the declared deviation {output.std:.6g}",
            output.span,
            label=f"starts with {found:.6g}",
            help="leave a core of the last stage without `init`, or declare a deviation that can be had",
        )


def _wanted(output: Output, shape: tuple[Dim, ...]) -> float:
    """The declared deviation; without one, Glorot's where axes are called ``out`` and ``in``, else 1."""
    if output.std is not None:
        return output.std
    sizes = {
        axis: dim if isinstance(dim, int) else 1
        for axis, dim in zip(output.axes, shape, strict=True)
        if axis is not None
    }
    if "out" not in sizes or "in" not in sizes:
        return 1.0
    return math.sqrt(2 / (sizes.get("kh", 1) * sizes.get("kw", 1) * (sizes["out"] + sizes["in"])))
