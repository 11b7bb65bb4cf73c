"""Integers that select: values, gradients, plans, errors, and what frameworks do with the modules."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pytest
import torch

import tnc
from tests import backends
from tests.agreement import assert_agreement, assert_close, assert_equal_gradients
from tests.evaluate_schedule import evaluate_schedule
from tnc import driver, ir, passes
from tnc.codegen import emitter
from tnc.cost import totals
from tnc.ir.program import Normal
from tnc.measure import runners
from tnc.order import PlanOptions, decide

ROWS = "core table(12, 5) input ids(batch?) index(12) "
PAGES = "core table(12, 5) input ids(batch?, 3) index(12) "

BODIES = {
    "rows": ROWS + "output y(b, d) = table([ids(b)], d)",
    "columns": "core table(5, 12) input ids(batch?) index(12) output y(d, b) = table(d, [ids(b)])",
    "two axes of integers": PAGES + "output y(t, d, b) = table([ids(b, t)], d)",
    "a bag of rows": PAGES + "output y(b, d) = table([ids(b, t)], d) * ones(t)",
    "one integer": "core table(12, 5) input ids() index(12) output y(d) = table([ids()], d)",
    "one value": "core table(1, 5) input ids(batch?) index(1) output y(b, d) = table([ids(b)], d)",
    "a linear layer after it": ROWS + "core w(5, 4) output y(b, o) = table([ids(b)], d) * w(d, o)",
    "data beside it": ROWS + "input x(batch?, 5) output y(b) = table([ids(b)], d) * x(b, d)",
    "an entry of the data": "core v(4) input ids(batch?) index(12) input x(batch?, 12, 4)"
    " output y(b) = x(b, [ids(b)], d) * v(d)",
    "two indices": "core u(12, 5) core v(7, 5) input a(batch?) index(12) input c(batch?) index(7)"
    " output y(b) = u([a(b)], d) * v([c(b)], d)",
    "two indices of one tensor": "core u(12, 7, 5) input a(batch?) index(12) input c(batch?) index(7)"
    " output y(b, d) = u([a(b)], [c(b)], d)",
    "one index twice": ROWS + "core v(12, 5) output y(b) = table([ids(b)], d) * v([ids(b)], d)",
    "a diagonal": "core u(12, 12, 5) input a(batch?) index(12) output y(b, d) = u([a(b)], [a(b)], d)",
    "all pairs": ROWS + "output y(b, c) = table([ids(b)], d) * table([ids(c)], d)",
    "an activation": ROWS + "core w(5, 3) h(b, d) = relu(table([ids(b)], d)) output y(b, o) = h(b, d) * w(d, o)",
    "inside an activation": ROWS + "core bias(5) output y(b, d) = tanh(table([ids(b)], d) + bias(d))",
    "a sum": ROWS + "core place(3, 5) input t(batch?) index(3) output y(b, d) = table([ids(b)], d) + place([t(b)], d)",
    "an entry of the integers": "core g[k in 0..3](2, 4, 2) input x(batch?, 3) index(4)"
    " output y(b, r[0], r[3]) = prod(k in 0..3) (g[k](r[k], [x(b, [k])], r[k + 1]))",
    "the one-hot tensor": "input ids(batch?) index(4) output y(b, v) = ids(b, v)",
    "a function of the one-hot tensor": "core c(4) input ids(batch?) index(4) output y(b, v) = sin(ids(b, v)) * c(v)",
    "a core that is complex": "core u(12, 5) complex core v(5) input a(batch?) index(12)"
    " output y(b) = conj(u([a(b)], d)) * v(d)",
    "scaled": ROWS + "core s() output y(b, d) = 0.5 * s() * table([ids(b)], d)",
    "a member of a family": "core g[k in 0..3](12, 5) input ids(batch?) index(12) output y(b, d) = g[2]([ids(b)], d)",
    "legs that are tied": ROWS + "output y(b, d, e) = table([ids(b)], d) * delta(d, e)",
}
GENERATED = """network net(chi: int = 3) {
  let table = std.mpo([4, 4, 4], [2, 2, 4], chi)
  input ids(batch?) index(64)
  output y(b, d) = table([ids(b)], d)
}"""
INSTANCES = """network embedding(n: int, d: int) {
  input ids(b?) index(n)
  core table(n, d)
  output e(b, j) = table([ids(b)], j)
}
network net() {
  input left(batch?) index(12)
  input right(batch?) index(12)
  let e = embedding(12, 5)
  output y(b) = e(b, d, ids = left) * e(b, d, ids = right)
}"""


def net(body: str) -> str:
    return f"network net() {{ {body} }}"


@pytest.mark.parametrize("kind", BODIES)
def test_every_backend_computes_what_the_oracle_does(kind: str) -> None:
    assert_agreement(net(BODIES[kind]), sizes={"batch": 5} if "batch?" in BODIES[kind] else {})


@pytest.mark.parametrize("kind", BODIES)
def test_gradients_agree(kind: str) -> None:
    assert_equal_gradients(net(BODIES[kind]), network="net", sizes={"batch": 5}, seed=1)


def test_instances_share_a_table() -> None:
    assert_agreement(INSTANCES, network="net", sizes={"batch": 4})


@pytest.mark.parametrize("batch", [3, 4000])
@pytest.mark.parametrize("backend", backends.BACKENDS)
def test_rows_of_a_generated_table(batch: int, backend: str) -> None:
    network = tnc.loads(GENERATED, sizes={"batch": batch})
    cores, table = generated(network)
    ids = np.random.default_rng(1).integers(64, size=batch)
    found = backends.evaluate(network, backend, [ids], cores)["y"]
    assert_close(found, table[ids], backend)


def generated(network: tnc.Network) -> tuple[dict[str, Any], Any]:
    """Cores, and the table that they generate."""
    random = np.random.default_rng(0)
    cores = {str(p.name): random.normal(size=p.shape) for p in network.parameters}
    a, b, c = cores.values()
    return cores, np.einsum("aip,pbjq,qck->abcijk", a, b, c).reshape(64, 16)


@pytest.mark.parametrize("number", range(12))
def test_every_candidate_gives_the_rows(number: int) -> None:
    """Rows without the table, and out of it; digits of the integers pick from the cores."""
    network = tnc.loads(GENERATED)
    cores, table = generated(network)
    program = passes.run_passes(network.initialised.program)
    stacks = ir.stacks(program, {name: Normal(1.0) for name in cores})
    options = PlanOptions((("batch", 7),), "float64")
    plan, _ = decide(program, stacks, "", options, lambda each, _: min(number, len(each) - 1))
    ids = np.random.default_rng(1).integers(64, size=7)
    found = evaluate_schedule(plan.schedule, {**cores, "ids": ids}, {"batch": 7})["y"]
    np.testing.assert_allclose(found, table[ids])


LARGE = """network net() {
  let table = std.mpo([32, 32, 32], [8, 8, 8], 4)
  input ids(batch?) index(32768)
  output y(b, d) = table([ids(b)], d)
}"""


@pytest.mark.parametrize(("batch", "way"), [(64, "rows"), (300_000, "table")])
def test_a_table_is_generated_where_that_is_cheaper(batch: int, way: str) -> None:
    explanation = str(tnc.loads(LARGE, sizes={"batch": batch}).explain())
    chosen = next(line for line in explanation.splitlines() if line.strip().startswith("*"))
    assert f" {way}, " in chosen


def test_rows_take_memory_of_the_batch_alone() -> None:
    report = tnc.loads(LARGE, sizes={"batch": 64}).report()
    assert "largest intermediate  32 768 elements" in str(report)  # of the table there are 16 million


# -- what frameworks do with it ----------------------------------------------------------------

MODEL = """network net() {
  core table(12, 5)  core w(5, 3)
  input ids(batch?) index(12)
  output y(b, o) = tanh(table([ids(b)], d) * w(d, o))
}"""


def test_torch_compiles_exports_and_maps() -> None:
    module: Any = tnc.loads(MODEL).torch()(generator=torch.Generator().manual_seed(0))
    ids = torch.tensor([3, 0, 11, 3])
    expected = module(ids)
    exported = torch.export.export(module, (ids,), dynamic_shapes=({0: torch.export.Dim("batch")},))
    torch.testing.assert_close(exported.module()(ids), expected)
    mapped = torch.func.vmap(module)(torch.stack([ids, ids.flip(0)]))
    torch.testing.assert_close(mapped, torch.stack([module(ids), module(ids.flip(0))]))
    cores = {name: torch.stack([core, 2 * core]) for name, core in module.state_dict().items()}
    call: Any = torch.func.functional_call
    of_cores = torch.func.vmap(partial(call, module, args=(ids,)))(cores)
    torch.testing.assert_close(of_cores[0], expected)
    assert module(ids.int()).shape == (4, 3)


@pytest.mark.parametrize("value", [-1, 12, 10_000])
@pytest.mark.parametrize("text", [MODEL, GENERATED.replace("64", "12").replace("4, 4, 4]", "3, 2, 2]", 1)])
@pytest.mark.parametrize("backend", ["torch", "numpy"])
def test_a_value_out_of_range_is_an_error(backend: str, text: str, value: int) -> None:
    network = tnc.loads(text)
    with pytest.raises(IndexError):
        backends.evaluate(network, backend, [np.array([0, value, 1])])


@pytest.mark.parametrize("backend", backends.BACKENDS)
def test_an_index_of_floats_is_an_error(backend: str) -> None:
    with pytest.raises(TypeError, match="ids has dtype"):
        backends.evaluate(tnc.loads(MODEL), backend, [np.array([0.0, 1.0])])


@pytest.mark.parametrize("backend", backends.BACKENDS)
def test_networks_are_measured_on_integers(backend: str) -> None:
    network = tnc.loads(net(BODIES["data beside it"]), sizes={"batch": 6}, input_grads=True)
    schedule = driver.plan(network.initialised, network.options).plan.schedule
    assert [given.grad for given in schedule.inputs] == [False, True]
    halves = runners.prepare(backend, network.source(backend), schedule, "float32").run()
    assert halves.forward > 0


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("way", ["rows", "table"])
def test_saved_bytes_are_those_of_torch(way: str, dtype: str) -> None:
    network = tnc.loads(LARGE.replace("32", "4").replace("4768", "64"), sizes={"batch": 5}, dtype=dtype)
    program = passes.run_passes(network.initialised.program)
    cores = {str(p.name): Normal(1.0) for p in network.parameters}
    options = PlanOptions((("batch", 5),), dtype)
    plan, _ = decide(
        program,
        ir.stacks(program, cores),
        "",
        options,
        lambda each, _: next(n for n, found in enumerate(each) if found.name.startswith(way)),
    )
    running: Any = runners.prepare("torch", emitter("torch").emit(plan), plan.schedule, dtype)
    assert running.saved_bytes() == totals(plan.schedule, dtype).bytes_saved


# -- the text ----------------------------------------------------------------------------------


@pytest.mark.parametrize("text", [GENERATED, INSTANCES, *map(net, BODIES.values())])
def test_the_flat_file_is_the_same_program(text: str) -> None:
    program = tnc.loads(text, network="net").initialised.program
    again = tnc.loads(tnc.loads(text, network="net").expand()).initialised.program
    assert again == program


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ("core u(11, 5) input a(batch?) index(12) output y(b, d) = u([a(b)], d)", "TN318"),
        ("core u(12, 5, 2) input a(batch?) index(12) output y(b, d, e, f) = u([a(b)], d, e, f)", "TN238"),
        ("core u(12, 5) input a(batch?) index(12) output y(b, d) = u([a(b, c)], d)", "TN238"),
        ("core u(12, 5) input a(batch?) output y(b, d) = u([a(b)], d)", "TN233"),
        (
            "core u(12, 5) input a(batch?) index(12) input c(batch?) index(12) output y(b, d) = u([a([c(b)])], d)",
            "TN233",
        ),
        ("core u(12, 5) input a(batch?) index(0) output y(b, d) = u([a(b)], d)", "TN256"),
        ("core u(12, 5) input a(batch?) index(12) output y([a(b)], d) = u(b, d)", "TN233"),
        ("core u(12, 5) input a(batch?) index(12) output y(d) = u([a], d)", "TN236"),
    ],
)
def test_errors(body: str, code: str) -> None:
    with pytest.raises(tnc.CompileError) as raised:
        tnc.loads(net(body)).source("numpy")
    assert code in {each.code for each in raised.value.diagnostics}


def test_an_instance_takes_integers_for_integers() -> None:
    text = INSTANCES.replace("input left(batch?) index(12)", "input left(batch?, 12)")
    with pytest.raises(tnc.CompileError) as raised:
        tnc.loads(text, network="net").source("numpy")
    assert {each.code for each in raised.value.diagnostics} == {"TN210"}
