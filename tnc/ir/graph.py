"""The Program as a networkx graph: what analyses and drawings walk over."""

from __future__ import annotations

import json
from collections import defaultdict
from typing import TYPE_CHECKING, assert_never

from tnc.extras import missing
from tnc.ir.legs import used_tensors
from tnc.ir.program import Contract, Delta, Normalize, Ones, Pointwise, Program, Statement, Sum, Use, View

if TYPE_CHECKING:
    from networkx import MultiGraph


def graph(program: Program) -> MultiGraph[str]:
    """An undirected multigraph: tensors are nodes, legs are edges, a leg with more or fewer than two ends is a node.

    Nodes carry ``kind``: a tensor's is ``core``, ``input`` or the statement that defines it (``contract``, ``sum``,
    ``pointwise``, ``normalize``, ``view``), and it carries ``shape`` and the ``outputs`` that show it; cores also
    ``frozen``, ``complex`` and, if they have one, ``seed``. Within a statement its result stands for the left-hand
    side. A hyperedge of statement ``h`` is a node ``h/0``, of kind ``leg``, ``delta`` or ``ones``, with a leg edge to
    each of its ends.

    Edges carry ``statement`` and ``kind``: ``leg``, or ``argument`` where a barrier or a view reads a whole tensor.
    Legs also carry ``leg``, ``dim`` and ``ends``: pairs of a node and its axis (None for a hyperedge).
    """
    try:
        import networkx as nx
    except ModuleNotFoundError:
        raise missing("networkx", f"the graph of `{program.name}` cannot be made") from None

    builder = _Builder(nx.MultiGraph(name=program.name))
    outputs: dict[str, list[str]] = defaultdict(list)
    for output in program.outputs:
        outputs[output.tensor].append(output.name)
    shapes = program.shapes()
    for parameter in program.parameters:
        name = str(parameter.name)
        builder.graph.add_node(
            name,
            kind="core",
            shape=shapes[name],
            frozen=parameter.frozen,
            complex=parameter.is_complex,
            **({} if parameter.seed is None else {"seed": parameter.seed}),
            outputs=tuple(outputs[name]),
        )
    for given in program.inputs:
        builder.graph.add_node(given.name, kind="input", shape=given.shape, outputs=tuple(outputs[given.name]))
    for statement in program.statements:
        name = statement.name
        kind = type(statement).__name__.lower()
        builder.graph.add_node(name, kind=kind, shape=shapes[name], outputs=tuple(outputs[name]))
        builder.add(statement)
    return builder.graph


def graph_text(program: Program) -> str:
    """The graph as networkx's node-link JSON; ``networkx.node_link_graph(json.loads(text), edges="edges")`` reads it.

    Raises:
        CompileError: TN024 if networkx is not installed.
    """
    found = graph(program)
    from networkx.readwrite import json_graph

    return json.dumps(json_graph.node_link_data(found, edges="edges"), indent=1, ensure_ascii=False) + "\n"


_End = tuple[str, int | None]


class _Builder:
    """Adds the edges of one statement after the other."""

    def __init__(self, empty: MultiGraph[str]) -> None:
        self.graph = empty

    def add(self, statement: Statement) -> None:
        match statement:
            case Contract() | Sum():
                self._add_legs(statement)
            case Pointwise() | Normalize() | View():
                for position, tensor in enumerate(used_tensors(statement)):
                    self.graph.add_edge(
                        tensor, statement.name, statement=statement.name, kind="argument", position=position
                    )
            case _:
                assert_never(statement)

    def _add_legs(self, statement: Contract | Sum) -> None:
        ends: list[list[_End]] = [[] for _ in statement.dims]
        hyperedges = 0
        for factor in _factors(statement):
            match factor:
                case Use(tensor=node):
                    pass
                case Delta() | Ones():
                    node = f"{statement.name}/{hyperedges}"
                    hyperedges += 1
                    self.graph.add_node(node, kind=type(factor).__name__.lower(), statement=statement.name)
                case _:
                    assert_never(factor)
            for axis, leg in enumerate(factor.legs):
                ends[leg].append((node, axis if isinstance(factor, Use) else None))
        for axis, leg in enumerate(statement.legs):
            ends[leg].append((statement.name, axis))
        for leg, found in enumerate(ends):
            if len(found) == 2:
                self._add_edge(statement, leg, found[0], found[1])
                continue
            node = f"{statement.name}/{hyperedges}"
            hyperedges += 1
            self.graph.add_node(node, kind="leg", statement=statement.name)
            for end in found:
                self._add_edge(statement, leg, end, (node, None))

    def _add_edge(self, statement: Contract | Sum, leg: int, start: _End, stop: _End) -> None:
        self.graph.add_edge(
            start[0],
            stop[0],
            statement=statement.name,
            kind="leg",
            leg=statement.leg_names[leg] if statement.leg_names else str(leg),
            dim=statement.dims[leg],
            ends=(start, stop),
        )


def _factors(statement: Contract | Sum) -> tuple[Use | Delta | Ones, ...]:
    if isinstance(statement, Contract):
        return statement.factors
    return tuple(term.use for term in statement.terms)
