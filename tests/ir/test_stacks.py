"""Keys and stacks of parameters."""

from __future__ import annotations

import keyword
from dataclasses import replace

import pytest

from tests import requirements
from tnc.ir import stacks
from tnc.ir.program import Auto, CoreName, Normal, Parameter, Program
from tnc.ir.schedule import Stack


def core(
    path: str, family: str, subscripts: tuple[int, ...] | None, shape: tuple[int, ...] = (2,), frozen: bool = False
) -> Parameter:
    return Parameter(CoreName(path, family, subscripts), shape, min(1, len(shape)), Auto(), frozen)


def build(*parameters: Parameter) -> tuple[Stack, ...]:
    return stacks(Program("net", parameters, (), (), ()))


def keys(*parameters: Parameter) -> list[str]:
    return [stack.key for stack in build(*parameters)]


def test_a_family_is_one_stack_with_ascending_subscripts() -> None:
    (stack,) = build(core("tree", "iso", (1, 0)), core("tree", "iso", (0, 10)), core("tree", "iso", (0, 9)))
    assert stack.key == "tree__iso"
    assert stack.stacked
    assert [(member.name, member.position) for member in stack.members] == [
        ("tree.iso[0, 9]", 0),
        ("tree.iso[0, 10]", 1),
        ("tree.iso[1, 0]", 2),
    ]


def test_a_core_without_subscripts_is_not_stacked() -> None:
    (stack,) = build(core("", "gain", None, ()))
    assert (stack.key, stack.stacked, stack.shape) == ("gain", False, ())
    assert stack.members[0].position is None


def test_one_member_with_subscripts_is_stacked() -> None:
    (stack,) = build(core("", "g", (5,)))
    assert stack.stacked
    assert stack.members[0].position == 0


def test_shapes_are_told_apart_only_where_there_are_several() -> None:
    assert keys(core("t", "g", (0,), (2, 2, 3)), core("t", "g", (1,), ()), core("u", "g", (0,), (4,))) == [
        "t__g__2x2x3",
        "t__g__scalar",
        "u__g",
    ]


def test_frozen_is_told_only_beside_a_trainable_one() -> None:
    assert keys(core("", "g", (0,)), core("", "g", (1,), frozen=True)) == ["g", "g__frozen"]
    assert keys(core("", "g", (1,), frozen=True)) == ["g"]
    assert keys(core("", "g", (0,), (3,)), core("", "g", (1,), frozen=True)) == ["g__3", "g__2"]
    assert keys(core("", "g", (0,), (3,)), core("", "g", (1,), (2,)), core("", "g", (2,), (2,), frozen=True)) == [
        "g__3",
        "g__2",
        "g__2__frozen",
    ]


def test_paths() -> None:
    assert keys(core("t[0]", "g", None), core("a.b[1, -2].c", "g", None)) == ["t_0__g", "a__b_1_m2__c__g"]


@pytest.mark.parametrize(
    "name", ["class", "lambda", "forward", "train", "training", "cores", "_parameters", "to", "True"]
)
def test_names_that_are_taken_get_a_bar(name: str) -> None:
    assert keys(core("", name, None)) == [f"{name}_"]
    assert keys(core("t", name, None)) == [f"t__{name}"]


def test_a_private_name_is_not_mangled() -> None:
    assert keys(core("", "__g", None), core("", "_g", None)) == ["core__g", "_g"]


def test_different_cores_never_share_a_key() -> None:
    found = keys(core("t[0]", "g", None), core("t_0", "g", None), core("", "t_0__g", None), core("", "t_0__g_2", None))
    assert len(set(found)) == 4
    assert found[0] == "t_0__g"
    assert found[3] == "t_0__g_2"


def test_a_taken_name_beside_its_escape() -> None:
    found = keys(core("", "class", None), core("", "class_", None))
    assert found == ["class_", "class__2"]


def test_members_keep_their_arrows_and_take_resolved_inits() -> None:
    first = core("", "g", (0,), (2, 2))
    second = replace(core("", "g", (1,), (2, 2)), inputs=2)
    (stack,) = stacks(Program("net", (first, second), (), (), ()), {"g[1]": Normal(0.5)})
    assert [(member.inputs, member.init) for member in stack.members] == [(1, Auto()), (2, Normal(0.5))]


def test_the_table_of_names_is_complete() -> None:
    nn = requirements.package("torch.nn")
    from tnc.ir.stacks import MODULE_NAMES

    own = {name for name in dir(nn.Module()) if not name.startswith("__") and not keyword.iskeyword(name)}
    assert own <= MODULE_NAMES
