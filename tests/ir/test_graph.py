"""The networkx export."""

from __future__ import annotations

import networkx as nx

from tnc.ir import graph
from tnc.ir.program import (
    Apply,
    Argument,
    Auto,
    Contract,
    CoreName,
    Delta,
    Input,
    Ones,
    Output,
    Parameter,
    Pointwise,
    Program,
    Sum,
    Term,
    Use,
)


def core(name: str, *shape: int) -> Parameter:
    return Parameter(CoreName("", name, None), shape, min(1, len(shape)), Auto(), False)


def build(contract: Contract, *cores: Parameter) -> nx.MultiGraph[str]:
    axes = (None,) * len(contract.legs)
    return graph(Program("net", cores, (), (contract,), (Output("y", contract.name, axes, None),)))


def test_tensors_are_nodes_and_legs_are_edges() -> None:
    contract = Contract("h", (Use("a", (0, 1)), Use("b", (1, 2))), (2, 0), (2, 3, 4), leg_names=("i", "j", "k"))
    found = build(contract, core("a", 2, 3), core("b", 3, 4))
    assert {name: data["kind"] for name, data in found.nodes(data=True)} == {"a": "core", "b": "core", "h": "contract"}
    assert found.nodes["h"]["outputs"] == ("y",)
    assert found.nodes["h"]["shape"] == (4, 2)
    edges = {data["leg"]: (data["dim"], data["ends"]) for _, _, data in found.edges(data=True)}
    assert edges == {
        "i": (2, (("a", 0), ("h", 1))),
        "j": (3, (("a", 1), ("b", 0))),
        "k": (4, (("b", 1), ("h", 0))),
    }


def test_hyperedges_are_nodes() -> None:
    contract = Contract("h", (Use("a", (0,)), Use("b", (0,)), Use("c", (0,))), (0,), (5,))
    found = build(contract, core("a", 5), core("b", 5), core("c", 5))
    assert found.nodes["h/0"] == {"kind": "leg", "statement": "h"}
    assert sorted(found.neighbors("h/0")) == ["a", "b", "c", "h"]


def test_a_leg_summed_alone_has_a_node() -> None:
    found = build(Contract("h", (Use("a", (0, 1)),), (0,), (5, 6)), core("a", 5, 6))
    assert found.degree("h/0") == 1


def test_a_diagonal_is_a_loop_and_deltas_are_nodes() -> None:
    contract = Contract("h", (Use("a", (0, 0)), Use("b", (1,)), Delta((1, 2)), Ones((3,))), (1, 2, 3), (5, 4, 4, 2))
    found = build(contract, core("a", 5, 5), core("b", 4))
    assert found.number_of_edges("a", "a") == 1
    assert found.nodes["h/0"]["kind"] == "delta"
    assert found.nodes["h/1"]["kind"] == "ones"
    assert nx.has_path(found, "b", "h")
    assert not nx.has_path(found, "a", "h")


def test_barriers_and_sums() -> None:
    statements = (
        Pointwise("h", Apply("prelu", (Argument(0), Argument(1))), ("x", "s")),
        Sum("g", (Term(1.0, Use("h", (0, 1))), Term(1.0, Use("b", (1,)))), (0, 1), ("batch", 3)),
    )
    program = Program(
        "net",
        (core("s"), core("b", 3)),
        (Input("x", ("batch", 3)),),
        statements,
        (Output("y", "g", (None, None), None),),
    )
    found = graph(program)
    assert found.nodes["x"]["kind"] == "input"
    assert found.edges["s", "h", 0] == {"statement": "h", "kind": "argument", "position": 1}
    assert nx.is_connected(found)


def test_a_tensor_used_twice_has_all_its_edges() -> None:
    contract = Contract("h", (Use("a", (0, 1)), Use("a", (1, 2))), (0, 2), (5, 5, 5))
    found = build(contract, core("a", 5, 5))
    assert found.number_of_edges("a", "h") == 2
    assert found.number_of_edges("a", "a") == 1
