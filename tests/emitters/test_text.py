"""The text of generated modules, which is the product."""

from __future__ import annotations

import ast
import subprocess
import sys
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

import tnc
from tests.emitters.schedules import (
    BACKENDS,
    apply,
    initialised,
    one_step,
    plan_of,
    pointwise,
    seeded,
    stack,
    tensor_train,
)
from tnc.codegen import emitter
from tnc.ir.program import Apply, Argument, Literal, Normal
from tnc.ir.schedule import (
    Add,
    Contiguous,
    Index,
    InputTensor,
    Multiply,
    Read,
    Result,
    Schedule,
    Stack,
    Step,
)

_GOLDEN = Path(__file__).parent / "golden"


def _crowded() -> Schedule:
    """Everything that makes lines long: many cores, many axes, long names, long sums, odd arguments."""
    name = "a_rather_long_name_for_a_tensor_network"
    axes = (2,) * 20
    stacks: tuple[Stack, ...] = (
        stack("some__deep__instance__of__a__network__isometries", (2, 3, 4), [Normal(0.1)] * 200),
        stack("g", axes, [Normal(1 / 3)] * 2),
    )
    order = tuple(reversed(range(20)))
    terms = tuple((float(i), Read("g", axes, (0, Index(i % 2)))) for i in range(1, 9))
    steps = (
        Step("tree.h[2]", axes, Contiguous(Read("g", axes, (0, Index(0)), order))),
        Step("sum", axes, Add(terms)),
        Step("class", axes, Multiply(Read("tree.h[2]", axes, perm=order), Read("sum", axes, perm=order))),
    )
    results = (
        Result("class", Read("class", axes), (None,) * 20),
        Result("count", Read("x", ("n", *axes)), (None,) * 21),
    )
    return Schedule(name, stacks, (InputTensor("x", ("n", *axes)),), steps, results)


_SCHEDULES = {
    "tensor_train": tensor_train(),
    "initialised": initialised(),
    "seeded": seeded(),
    "crowded": _crowded(),
    "activation": pointwise(apply("gelu")),
    "rational": pointwise(Apply("rational", tuple(Argument(i) for i in range(7))), further=6),
    "authored": pointwise(
        Apply("where", (apply("lt", 0.0), apply("exp"), Apply("add", (apply("mul", 2.0), Literal(1.0)))))
    ),
    "nothing": one_step(Add(((1.0, Read("a", (1,))),)), (1,), (1,)),
}


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", _SCHEDULES)
def test_formatter_and_linter_have_nothing_to_say(name: str, backend: str, tmp_path: Path) -> None:
    path = tmp_path / f"{name}_{backend}.py"
    text = emitter(backend).emit(plan_of(_SCHEDULES[name]))
    path.write_text(text, encoding="utf-8")
    ruff = (sys.executable, "-m", "ruff")
    subprocess.run([*ruff, "format", "--isolated", "--no-cache", str(path)], check=True, capture_output=True)
    assert path.read_text(encoding="utf-8") == text
    checked = subprocess.run([*ruff, "check", "--isolated", "--no-cache", str(path)], capture_output=True, text=True)
    assert checked.returncode == 0, checked.stdout


@pytest.mark.parametrize("backend", BACKENDS)
def test_golden(backend: str, update_golden: bool) -> None:
    path = _GOLDEN / f"tensor_train_{backend}.golden"
    text = emitter(backend).emit(plan_of(tensor_train()))
    if update_golden:
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8"), "review the difference, then run with --update-golden"


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", _SCHEDULES)
def test_modules_stand_alone(name: str, backend: str) -> None:
    imported: set[str] = set()
    for node in ast.walk(ast.parse(emitter(backend).emit(plan_of(_SCHEDULES[name])))):
        if isinstance(node, ast.Import):
            imported.update(alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            imported.add((node.module or "").partition(".")[0])
    assert imported <= {backend, *sys.stdlib_module_names}


def test_many_cores_make_short_tables() -> None:
    text = emitter("numpy").emit(plan_of(_crowded()))
    assert text.count("isometries[") == 1
    names: dict[str, Any] = {}
    exec(compile(text, "crowded", "exec"), names)
    cores = names["CORES"]
    assert cores["some.deep.instance.of.a.network.isometries[17]"] == (
        "some__deep__instance__of__a__network__isometries",
        17,
        (2, 3, 4),
    )
    assert len(cores) == 202


def test_families_that_are_no_grid_are_complete() -> None:
    from tnc.ir.schedule import Member

    subscripts = [(level, k) for level in range(1, 7) for k in range(2**level)] + [(9, 5), (9, 7)]
    members = tuple(Member(f"t[0].iso[{a}, {b}]", i, 1, Normal(1.0)) for i, (a, b) in enumerate(subscripts))
    family = Stack("t_0__iso", (2,), False, True, members)
    schedule = Schedule("tree", (family,), (), (), (Result("y", Read("t_0__iso", (len(members), 2)), (None, None)),))
    text = emitter("numpy").emit(plan_of(schedule))
    names: dict[str, object] = {}
    exec(compile(text, "tree", "exec"), names)
    expected = {member.name: ("t_0__iso", i, (2,)) for i, member in enumerate(members)}
    assert names["CORES"] == expected
    assert len(text.splitlines()) < 120


@pytest.mark.parametrize("backend", BACKENDS)
def test_the_header_survives_any_argument(backend: str) -> None:
    arguments = (("text", '"a\\"\\"\\" \\\\ \\n"'), ("dims", "[" + ", ".join(["2"] * 60) + "]"))
    schedule = one_step(Add(((1.0, Read("a", (1,))),)), (1,), (1,))
    plan = replace(plan_of(schedule, "float32"), arguments=arguments)
    text = emitter(backend).emit(plan)
    assert max(map(len, text.splitlines())) <= 88
    compile(text, "header", "exec")


@pytest.mark.parametrize(
    "name", ["torch", "tensor", "module", "class", "none", "mapping", "named_tuple", "f", "nn", "_", "x2"]
)
def test_awkward_network_names(name: str) -> None:
    """The class may not hide what the module uses, and must be a class name."""
    schedule = Schedule(
        name,
        (),
        (InputTensor("self", (2,)), InputTensor("torch", (2,))),
        (),
        (Result("y", Read("self", (2,)), (None,)),),
    )
    for backend in BACKENDS:
        text = emitter(backend).emit(plan_of(schedule))
        names: dict[str, object] = {"__name__": "generated"}
        exec(compile(text, name, "exec"), names)


@pytest.mark.parametrize("backend", ["torch", "jax", "numpy"])
def test_a_region_is_announced_once_and_no_comment_repeats_a_name(backend: str) -> None:
    text = """network chain() {
      input x(batch?, 40, 2)
      let train = std.mps([2] * 40, 3)
      h(b) = train(i[0..40]) * prod(k in 0..40) x(b, [k], i[k])
      output y(b) = tanh(h(b))
    }"""
    lines = tnc.loads(text).source(backend).splitlines()
    assert [line for line in lines if line.lstrip().startswith(("for ", "def body", "def step"))], "no loop"
    assert [line.strip() for line in lines if "# <string>:4" in line] == [
        "# <string>:4: h(b) = train(i[0..40]) * prod(k in 0..40) x(b, [k], i[k])"
    ]
    for before, line in pairwise(lines):
        assert before.strip() != f"# {line.split(' = ')[0].strip()}"
