"""Which arrays of a pytree are generated, by which networks, and what that costs. Nothing is changed."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest
from typing import Final, cast

import numpy as np

from tnc.api import Network, expected
from tnc.diagnostics import CompileError, Diagnostic
from tnc.diagnostics.suggest import listed
from tnc.jax.generated import Choice, Mode, Request, Start, request
from tnc.jax.kinds import Meaning, meaning
from tnc.jax.leaves import Leaf, leaves_of, replaced_under
from tnc.jax.untyped import jax, jnp
from tnc.layers import Template, select, weight_network
from tnc.options import Options
from tnc.report.columns import LEFT, Column, Json, cells, table, to_json
from tnc.units import grouped, ratio_text, seconds_text


@dataclass(frozen=True, slots=True)
class Layer:
    """An array that is generated: its place in the flattened pytree, what it means, and the network of its weight."""

    path: str
    number: int
    shape: tuple[int, ...]
    dtype: str
    meaning: Meaning
    request: Request
    network: Network

    @property
    def shard(self) -> int | None:
        """The axis whose blocks ranks generate for themselves."""
        wanted = self.request.shard
        return self.meaning.axes.index(wanted) if isinstance(wanted, str) else wanted

    @property
    def std(self) -> float:
        """The deviation that the entries start with."""
        return self.meaning.std if self.request.std is None else self.request.std


@dataclass(frozen=True, slots=True)
class LayerRow:
    """What a plan says of an array.

    ``seconds`` are predicted for a training step of the generator; ``error`` is the relative one that a fit has left.
    """

    path: str
    kind: str
    shape: tuple[int, ...]
    template: str
    mode: str
    dense: int
    generated: int
    std: float
    seconds: float
    error: float | None = None


@dataclass(frozen=True, slots=True)
class LayerPlan:
    """What would be generated: ``str()`` is a table, ``to_dict()`` the same for programs."""

    rows: tuple[LayerRow, ...]

    def __str__(self) -> str:
        """One line for each array, and a total."""
        dense, generated = sum(row.dense for row in self.rows), sum(row.generated for row in self.rows)
        columns = _COLUMNS if any(row.error is not None for row in self.rows) else _COLUMNS[:-1]
        lines = [*table(columns, [cells(columns, row) for row in self.rows], indent=0)]
        return "\n".join([*lines, f"together {_counts(dense, generated)}"])

    def to_dict(self) -> dict[str, Json]:
        """The rows as JSON has them."""
        return {"layers": [to_json(_COLUMNS, row) for row in self.rows]}


def _counts(dense: int, generated: int) -> str:
    return f"{grouped(generated)} numbers for {grouped(dense)}: {ratio_text(dense / max(generated, 1))}"


def _times(shape: Sequence[int]) -> str:
    return " × ".join(map(str, shape))


_COLUMNS: Final[tuple[Column[LayerRow], ...]] = (
    Column("path", lambda row: row.path, "array", LEFT),
    Column("kind", lambda row: row.kind, "kind", LEFT),
    Column("shape", lambda row: row.shape, "shape", LEFT, _times, list),
    Column("template", lambda row: row.template, "template", LEFT),
    Column("mode", lambda row: row.mode, "mode", LEFT),
    Column("dense", lambda row: row.dense, "dense", text=grouped),
    Column("generated", lambda row: row.generated, "generated", text=grouped),
    Column(None, lambda row: row.dense / max(row.generated, 1), "ratio", text=ratio_text),
    Column("std", lambda row: row.std, "std", text=lambda std: f"{std:.3g}"),
    Column("seconds", lambda row: row.seconds, "step time", text=seconds_text),
    Column("error", lambda row: row.error, "error", text=lambda error: "" if error is None else f"{error:.3g}"),
)


def plan_layers(params: object, choice: Choice, *, mode: Mode = "replace", start: Start = "random") -> LayerPlan:
    """What :func:`tnc.jax.replace` would generate: sizes, ratios, start and predicted time; nothing is changed.

    Raises:
        CompileError: as :func:`tnc.jax.replace`.
    """
    return plan_of(chosen(params, choice, mode, start))


def plan_of(layers: Sequence[Layer], errors: Sequence[float | None] = ()) -> LayerPlan:
    """The plan of layers that are chosen, with the errors of those that were fitted."""
    return LayerPlan(tuple(_row(*each) for each in zip_longest(layers, errors)))


def _row(layer: Layer, error: float | None) -> LayerRow:
    (report,) = layer.network.report().networks
    return LayerRow(
        layer.path,
        layer.meaning.kind,
        layer.shape,
        str(layer.request.template),
        layer.request.mode,
        math.prod(layer.shape),
        report.parameters + (layer.request.mode == "add"),
        layer.std,
        report.seconds_training,
        error,
    )


# -- choosing ----------------------------------------------------------------------------------


def chosen(params: object, choice: Choice, mode: Mode, start: Start) -> tuple[Layer, ...]:
    """The arrays that patterns select, each with its network, in the order of the pytree.

    Raises:
        CompileError: with everything that is wrong.
        TypeError: if ``choice`` is not a mapping of patterns to templates.
    """
    if not isinstance(cast("object", choice), Mapping):
        raise expected("`choice`", 'a mapping of patterns to templates, such as `{"**/kernel": "attn"}`', choice)
    requests = {pattern: request(given, mode, start) for pattern, given in choice.items()}
    leaves = leaves_of(params)
    reasons = {leaf.path: _objection(leaf) for leaf in leaves}
    replaced = replaced_under(params)
    names = [path for path, reason in reasons.items() if reason is None and not _is_core(path, replaced)]
    others = {path: reason for path, reason in reasons.items() if reason is not None}
    others.update(dict.fromkeys(sorted(replaced), "is generated already; its cores are under it"))
    selected = select(tuple(requests), names, others, separator="/")
    wrong = [*_again(requests, replaced), *_tied(leaves, selected)]
    found: list[Layer] = []
    networks: dict[tuple[object, ...], Network | CompileError] = {}
    for number, leaf in enumerate(leaves):
        if leaf.path not in selected:
            continue
        asked = requests[selected[leaf.path]]
        shape = leaf.shape or ()
        means = meaning(leaf, shape)
        wrong += [*_wrong_axis(leaf, asked, means), *_wrong_start(leaf, asked)]
        key = asked.template, shape, asked.std or means.std, means.axes
        if key not in networks:
            networks[key] = _compiled(*key)
        network = networks[key]
        if isinstance(network, CompileError):
            wrong += [replace(each, message=f"`{leaf.path}`: {each.message}") for each in network.diagnostics]
        else:
            found.append(Layer(leaf.path, number, shape, jnp.dtype(leaf.value.dtype).name, means, asked, network))
    if wrong:
        raise CompileError(wrong)
    return tuple(found)


def _compiled(template: Template, shape: tuple[int, ...], std: float, axes: tuple[str, ...]) -> Network | CompileError:
    try:
        return weight_network(template, shape, std, axes, Options())
    except CompileError as error:
        return error


def _objection(leaf: Leaf) -> str | None:
    """Why an array cannot be generated, as a message continues its path; None if it can."""
    shape = leaf.shape
    if shape is None:
        return f"is a value of type `{type(leaf.value).__name__}`, not an array"
    if not jnp.issubdtype(leaf.value.dtype, jnp.floating):
        return f"has the dtype {leaf.value.dtype}, and a weight is generated as real numbers"
    if len(shape) < 2:
        return "is a vector; a generated weight has two axes or more" if shape else "is a number"
    return "has no entries" if 0 in shape else None


def _is_core(path: str, replaced: set[str]) -> bool:
    return any(path.startswith(f"{each}/") for each in replaced)


def _again(requests: Mapping[str, Request], replaced: set[str]) -> Iterator[Diagnostic]:
    """Globs that match arrays which are generated already, beside those that are not."""
    for pattern in requests if replaced else ():
        try:
            matched = list(select([pattern], sorted(replaced), separator="/"))
        except CompileError:
            continue
        message = f"pattern `{pattern}` selects {listed(matched, most=4)}, replaced before"
        yield Diagnostic("TN046", message, help="replace from the original params, with all patterns at once")


def _tied(leaves: Sequence[Leaf], selected: Mapping[str, str]) -> Iterator[Diagnostic]:
    """Arrays under several paths, one of which is selected."""
    places: dict[int, list[str]] = defaultdict(list)
    for leaf in leaves:
        if leaf.shape and not isinstance(leaf.value, jax.ShapeDtypeStruct):
            places[id(leaf.value)].append(leaf.path)
    for paths in places.values():
        if len(paths) > 1 and any(path in selected for path in paths):
            message = f"{listed(paths, most=4)} are one array, and replacing it would untie them"
            help_text = "keep tied weights once in the model; for independent weights, copy with `jnp.array(x)` first"
            yield Diagnostic("TN048", message, help=help_text)


def _wrong_axis(leaf: Leaf, asked: Request, means: Meaning) -> Iterator[Diagnostic]:
    shard = asked.shard
    known = isinstance(shard, str) and shard in means.axes
    if shard is None or known or (isinstance(shard, int) and 0 <= shard < len(means.axes)):
        return
    message = f"`{leaf.path}` has no axis `{shard}` to be sharded"
    yield Diagnostic("TN064", message, help=f"its axes are {listed(means.axes)}")


def _wrong_start(leaf: Leaf, asked: Request) -> Iterator[Diagnostic]:
    if asked.start == "fit" and asked.mode == "add":
        message = f"`{leaf.path}` cannot start fitted: what is added to it starts at zero"
        yield Diagnostic("TN049", message, help='leave `start="fit"` out, or replace the array')
    elif asked.start == "fit" and not isinstance(leaf.value, np.ndarray | jax.Array | np.generic):
        yield Diagnostic("TN057", f"`{leaf.path}` has no values to be fitted to", help=_NO_VALUES)
    elif asked.start == "fit" and isinstance(leaf.value, jax.core.Tracer):
        yield Diagnostic("TN057", f"`{leaf.path}` is traced and has no values to be fitted to", help=_NO_VALUES)


_NO_VALUES: Final = "fit outside of `jit`, to arrays"
