"""From a Program and its plan to the numbers of a report."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from math import isfinite, prod

from tnc.cost.dtypes import dtype_of
from tnc.init import Deviation, Initialisation
from tnc.ir.extent import count, evaluate
from tnc.ir.number_kinds import stack_kind
from tnc.ir.program import Program
from tnc.ir.schedule import Loop, Plan, Schedule, Step
from tnc.report.model import Elsewhere, NetworkReport, OutputRow
from tnc.report.regions import RegionRow, spent

DOMINANT = 0.5
"""A region with this share of the time is worth a note."""


def report_network(program: Program, plan: Plan, initialisation: Initialisation) -> NetworkReport:
    """The report on one network, at the sizes that the plan was made for."""
    sizes = dict(plan.schedule.sizes)
    outputs = tuple(_outputs(program, sizes, _deviations(initialisation.outputs)))
    trainable = sum(prod(p.shape) for p in program.parameters if not p.frozen)
    frozen = sum(prod(p.shape) for p in program.parameters if p.frozen)
    elements = sum(output.elements for output in outputs)
    time, totals = plan.predicted, plan.totals
    regions = tuple(_regions(plan.schedule, sizes, _deviations(initialisation.regions), time.training))
    elsewhere = _elsewhere(plan.schedule)
    return NetworkReport(
        name=program.name,
        arguments=program.arguments,
        sizes=plan.schedule.sizes,
        dtype=plan.dtype,
        core_dtypes=_core_dtypes(plan),
        inputs=len(program.inputs),
        input_grads=any(given.grad for given in plan.schedule.inputs),
        digest=plan.program_digest,
        cores=sum(not p.frozen for p in program.parameters),
        parameters=trainable,
        frozen=frozen,
        outputs=outputs,
        compression=elements / trainable if trainable and not program.inputs else None,
        flops_forward=totals.flops_forward,
        flops_training=totals.flops_training,
        bytes_parameters=totals.bytes_parameters,
        bytes_saved=totals.bytes_saved,
        bytes_peak_forward=totals.bytes_peak_forward,
        bytes_peak_training=totals.bytes_peak_training,
        largest_intermediate=totals.largest_intermediate,
        predicted=time,
        trains=plan.traits.saves,
        regions=regions,
        elsewhere=elsewhere,
        notes=(*_ranges(initialisation), *_notes(trainable, elements, program, regions, elsewhere, time.training)),
    )


def _core_dtypes(plan: Plan) -> tuple[str, ...]:
    """The dtypes of the cores, each once: two where some are complex in every dtype."""
    kinds = [stack_kind(stack) for stack in plan.schedule.stacks]
    return tuple(dict.fromkeys(dtype_of(plan.dtype, kind) for kind in kinds)) or (plan.dtype,)


def _deviations(predicted: Iterable[Deviation]) -> dict[str, float]:
    """By name, those that are numbers: an author's own values may be too large for their squares."""
    return {each.name: float(f"{each.std:.6g}") for each in predicted if isfinite(each.std)}


def _outputs(program: Program, sizes: dict[str, int], deviations: Mapping[str, float]) -> Iterator[OutputRow]:
    shapes = program.shapes()
    for output in program.outputs:
        shape = tuple(evaluate(dim, sizes) for dim in shapes[output.tensor])
        yield OutputRow(output.name, shape, prod(shape), deviations.get(output.name))


def _regions(
    schedule: Schedule, sizes: dict[str, int], deviations: Mapping[str, float], whole: float
) -> Iterator[RegionRow]:
    steps: dict[str, list[Step]] = {}
    for step in schedule.steps:
        steps.setdefault(step.region, []).append(step)
    for region in schedule.regions:
        members = steps.get(region.name, [])
        yield RegionRow(
            name=region.name,
            text=region.text,
            operands=region.operands,
            planner=region.planner or None,
            costs=tuple(step.cost for step in members),
            largest_intermediate=max(_written(members, sizes), default=0),
            whole=whole,
            std=deviations.get(region.name),
        )


def _elsewhere(schedule: Schedule) -> Elsewhere:
    """The steps of no region, and the gradients of inputs and results that are copied."""
    names = {region.name for region in schedule.regions}
    costs = [step.cost for step in schedule.steps if step.region not in names]
    costs += [given.cost for given in schedule.inputs]
    costs += [result.cost for result in schedule.results]
    total = spent(costs)
    return Elsewhere(
        permutations=total.moves + total.traffic + total.arithmetic,
        calls=total.calls,
        allocation=total.fresh,
        bytes=sum(cost.bytes for cost in costs),
        bytes_training=sum(cost.bytes + cost.bytes_backward for cost in costs),
    )


def _written(steps: Iterable[Step], sizes: dict[str, int]) -> Iterator[int]:
    for step in steps:
        if isinstance(step.operation, Loop):
            yield from _written(step.operation.body, sizes)
        yield count(step.shape, sizes)


def _ranges(initialisation: Initialisation) -> Iterator[str]:
    """What leaves the range of the dtype, and the way out."""
    yield from (f"{found.message}: {found.help}" for found in initialisation.diagnostics if found.code == "TN813")


def _notes(
    parameters: int,
    elements: int,
    program: Program,
    regions: tuple[RegionRow, ...],
    elsewhere: Elsewhere,
    whole: float,
) -> Iterator[str]:
    """What an author might want to change."""
    if parameters == 0:
        yield "nothing is trainable: there is no core, or all are frozen"
    elif not program.inputs and parameters >= elements:
        yield "the cores have at least as many entries as the outputs: this network compresses nothing"
    costly = max(regions, key=lambda region: region.share, default=None)
    if costly is not None and len(regions) > 1 and costly.share >= DOMINANT:
        yield f"region `{costly.name}` takes {100 * costly.share:.0f} % of the predicted time: change that one first"
    copies = sum(elsewhere.seconds.values())
    if whole and copies >= DOMINANT * whole:
        part = 100 * copies / whole
        yield f"copies for views and outputs take {part:.0f} % of the predicted time: see how their axes are ordered"
    keeper = max(regions, key=lambda region: region.saved, default=None)
    saved = sum(region.saved for region in regions)
    if keeper is not None and len(regions) > 1 and keeper is not costly and keeper.saved >= DOMINANT * saved > 0:
        part = 100 * keeper.saved / saved
        yield f"region `{keeper.name}` keeps {part:.0f} % of the bytes that are saved for the backward pass"
