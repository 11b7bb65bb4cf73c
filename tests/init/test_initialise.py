"""The auto law, measured: cores drawn as it says, the Program evaluated, its deviation beside the declared one."""

from __future__ import annotations

import math
import os
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.draw_cores import draw_cores
from tests.evaluate_program import evaluate_program
from tests.program_strategies import programs
from tnc.diagnostics import Severity
from tnc.init import Initialisation, initialise
from tnc.ir import verify_program
from tnc.ir.program import Auto, Constant, Index, Input, Numbers, OneHot, Orthogonal, Program
from tnc.limits import Limits
from tnc.passes import run_passes
from tnc.sema import elaborate, load
from tnc.source import Source


def build(text: str) -> Program:
    """The one network of a text."""
    library, found = load(Source("test.tn", text), Limits())
    errors = [each for each in found if each.severity is Severity.ERROR]
    assert errors == []
    program, found = elaborate(library, next(iter(library.networks)), {})
    assert program is not None, found
    return program


def net(body: str) -> Program:
    return build(f"network net() {{ {body} }}")


def decoder(call: str, legs: int, std: float = 1.0, last: str = "") -> Program:
    """A network of the standard library with an output of a declared deviation."""
    return net(f"let t = {call} output w(x[0..{legs}]) std {std} = {last}(t(x[0..{legs}]))")


def roots(program: Program, seeds: int) -> np.ndarray:
    """The root mean square of the first output for ``seeds`` seeds."""
    chosen = initialise(program)
    assert chosen.diagnostics == ()
    optimised = run_passes(program)
    generator = np.random.default_rng(1)
    found: list[float] = []
    for seed in range(seeds):
        tensors = draw_cores(program, chosen.inits, seed)
        for each in program.inputs:
            tensors[each.name] = data(each, generator)
        (value, *_) = evaluate_program(optimised, tensors).values()
        found.append(float(np.sqrt(np.mean(np.square(value)))))
    return np.asarray(found)


def data(given: Input, generator: np.random.Generator) -> np.ndarray:
    """Data as an input declares them. Its shape is static."""
    shape = [dim for dim in given.shape if isinstance(dim, int)]
    match given.values:
        case Numbers(std=std):
            return std * generator.normal(size=shape)
        case OneHot() | Index():
            return np.eye(shape[-1])[generator.integers(shape[-1], size=shape[:-1])]


def gains(program: Program) -> dict[str, float]:
    """The numbers that isometries (and scalars) start with."""
    found: dict[str, float] = {}
    for name, init in initialise(program).inits.items():
        assert isinstance(init, Orthogonal | Constant)
        found[name] = init.gain if isinstance(init, Orthogonal) else init.value
    return found


def assert_deviation(program: Program, wanted: float, seeds: int, within: float = 0.05) -> None:
    found = roots(program, seeds)
    squares = np.square(found)
    overall = math.sqrt(float(squares.mean()))
    error = float(squares.std()) / math.sqrt(seeds) / (2 * float(squares.mean()))
    assert abs(overall / wanted - 1) < within + 2 * error, (overall, wanted, error)


# -- what is exact -----------------------------------------------------------------------------


def test_a_chain_of_isometries_keeps_its_norm_in_every_seed() -> None:
    found = roots(decoder("std.mps(dims = [2] * 8, chi = 4)", 8, std=0.02), 5)
    np.testing.assert_allclose(found, 0.02, rtol=1e-6)


def test_a_tree_without_activations_has_the_declared_deviation_in_every_seed() -> None:
    found = roots(decoder("std.ttn(dims = [2, 3, 2, 2, 5], chi = 3, act = identity)", 5, std=3.0), 5)
    np.testing.assert_allclose(found, 3.0, rtol=1e-6)


def test_given_inits_count_with_their_own_second_moment() -> None:
    program = net(
        "core a(4, 8) init normal(0.5) core b(8, 6) init uniform(-1, 1) core c(6, 5) core d(5) init 2"
        " output w(i, m) std 0.7 = a(i, j) * b(j, k) * c(k, m) * d(m)"
    )
    moment = 8 * 0.25 * (1 / 3) * 6 * 4
    expected = 0.7 / math.sqrt(moment) * math.sqrt(6)
    assert gains(program) == {"c": pytest.approx(expected, rel=1e-8)}


def test_scales_are_shared_evenly() -> None:
    program = net("core a(4, 4) core b(4, 4) core s() output w(i, k) std 8 = a(i, j) * b(j, k) * s()")
    # two orthogonal matrices and a number: the entries have the deviation g * g * g / 2
    assert gains(program) == {name: pytest.approx(16 ** (1 / 3)) for name in ("a", "b", "s")}
    assert isinstance(initialise(program).inits["s"], Constant)


def test_relu_halves_the_second_moment() -> None:
    program = net("core a(8, 8) core b(8, 8) output w(i, k) = relu(a(i, j)) * b(j, k)")
    chosen = initialise(program)
    assert [region.std for region in chosen.regions] == pytest.approx([math.sqrt(0.5), 1.0])
    assert gains(program)["b"] == pytest.approx(math.sqrt(2))


def test_inputs_count_as_unit_variance() -> None:
    program = net("input x(batch?, 16) core a(16, 9) core b(9) init 0 output y(n, o) = x(n, i) * a(i, o) + b(o)")
    assert gains(program) == {"a": pytest.approx(1.0)}


def test_inputs_count_with_the_deviation_that_they_declare() -> None:
    program = net("input x(64) std 0.1 core w(64, 32) output y(o) std 1 = x(i) * w(i, o)")
    # 1 = sqrt(64) * 0.1 * gain / sqrt(64)
    assert gains(program) == {"w": pytest.approx(10.0)}


def test_one_hot_data_pick_a_row_of_unit_variance() -> None:
    program = net("input x(5, 16) one_hot core w(16, 8) output y(n, o) std 1 = x(n, i) * w(i, o)")
    # a row of an isometry of 16 to 8 has 8 entries of mean square 1/16
    assert gains(program) == {"w": pytest.approx(4.0)}


ONE_HOT = {
    "a sum over sites": "core w(12, 4, 30) output y(o) std 1 = x(n, i) * w(n, i, o)",
    "a Born machine": "core g[n in 0..12](3, 4, 3) output y(r[0], r[12]) std 1 ="
    " prod(n in 0..12) (x([n], i[n]) * g[n](r[n], i[n], r[n + 1]))",
    "an activation": "core w(12, 4, 30) core v(30, 20) h(o) = relu(x(n, i) * w(n, i, o)) output y(k) std 1 ="
    " h(o) * v(o, k)",
    "a square": "core v(12, 20) output y(k) std 1 = x(n, i) * x(n, i) * v(n, k)",
    "a sum of the data": "core v(12, 20) output y(k) std 1 = x(n, i) * ones(i) * v(n, k)",
    "given numbers": "core v(12, 20) core c(4) init [1, 2, 3, 4] output y(k) std 1 = x(n, i) * c(i) * v(n, k)",
}


@pytest.mark.parametrize("kind", ONE_HOT)
def test_one_hot_data_give_the_declared_deviation(kind: str) -> None:
    assert_deviation(net(f"input x(12, 4) one_hot {ONE_HOT[kind]}"), 1.0, 200)


def test_data_of_small_deviation_do_not_saturate_an_activation_less_than_predicted() -> None:
    body = "input x(40) std 0.05 h(i) = tanh(x(i)) core w(40, 20) output y(o) std 1 = h(i) * w(i, o)"
    assert_deviation(net(body), 1.0, 100)


def test_without_a_declared_deviation_axes_called_out_and_in_mean_glorot() -> None:
    program = net("core a(16, 8) output w(out = o, in = i) = a(o, i)")
    assert initialise(program).outputs[0].std == pytest.approx(math.sqrt(2 / 24))
    program = net("core a(8, 8) output w(out = o, i) = a(o, i)")
    assert initialise(program).outputs[0].std == pytest.approx(1.0)


def test_a_core_seen_through_views_is_the_same_core() -> None:
    program = net(
        "core a(16, 4) core c(4) init [1, 1, 1, 1] core b(4, 4)"
        " output w(p, q, k) std 0.3 = a((p, q), j) * b(j, k) * c(p)"
    )
    np.testing.assert_allclose(roots(program, 20), 0.3, rtol=1e-6)


# -- outputs -----------------------------------------------------------------------------------


def test_the_last_stage_carries_the_deviation_of_the_output() -> None:
    program = net("core a(8, 8) core b(8, 8) output w(i, k) std 0.01 = tanh(a(i, j)) * b(j, k)")
    assert gains(program)["a"] == pytest.approx(math.sqrt(8))
    assert initialise(program).outputs[0].std == pytest.approx(0.01)


def test_an_activation_on_the_output_is_solved_for() -> None:
    program = net("core a(32, 32) output w(i, j) std 0.3 = tanh(a(i, j))")
    assert_deviation(program, 0.3, 20)


@pytest.mark.parametrize(
    "body",
    [
        "core a(8, 8) output w(i, j) std 2 = tanh(a(i, j))",
        "core a(8, 8) output w(i, j) std 2 = rms(a(i, j))",
        "core a(8, 8) init 0 output w(i, j) std 2 = a(i, j)",
        "core a(8, 8) init normal(1) output w(i, j) std 2 = a(i, j)",
        "core a(8, 8) core b(8) init zeros output w(i, j) std 2 = a(i, j) * b(j)",
        "fn bad(t) = log(t) core a(8, 8) output w(i, j) std 1 = bad(a(i, j))",
    ],
)
def test_a_deviation_that_cannot_be_had_is_an_error_at_the_output(body: str) -> None:
    program = net(body)
    (found,) = initialise(program).diagnostics
    assert found.code == "TN403"
    assert found.span == program.outputs[0].span


def test_a_deviation_that_given_inits_have_anyway_is_none() -> None:
    assert initialise(net("core a(8, 8) init normal(2) output w(i, j) std 2 = a(i, j)")).diagnostics == ()


def test_two_outputs_that_share_all_cores_cannot_have_two_deviations() -> None:
    program = net("core a(8, 8) output v(i, j) std 1 = a(i, j) output w(i, j) std 2 = a(i, j)")
    assert [found.message.split("`")[3] for found in initialise(program).diagnostics] == ["w"]


def test_an_output_that_declares_nothing_gives_way() -> None:
    program = net("core a(16, 9) output loss() = a(o, i) * a(o, i) output w(out: 14 = o, in = i) std 0.1 = a(o, i)")
    chosen = initialise(program)
    assert chosen.diagnostics == ()
    assert chosen.outputs[1].std == pytest.approx(0.1)


@pytest.mark.parametrize(
    "outputs",
    [
        # the second output's stage comes first and has no declared deviation
        "output w(i, j) std 0.3 = relu(a(i, k)) * b(k, j) output v(i, j) = relu(a(i, j))",
        # both declare one; what lies between them has no core to be scaled
        "output v(i, j) std 3 = relu(a(i, j)) output w(i, j) std 0.3 = relu(relu(a(i, k)) * g(k, l)) * b(l, j)",
        # the first output to be computed ends in the later stage
        "h(i, j) = relu(a(i, j)) output w(i, j) std 0.3 = h(i, k) * b(k, j) output v(i, j) std 3 = 2 * relu(h(i, j))",
    ],
)
def test_outputs_along_one_way_have_their_own_deviations(outputs: str) -> None:
    chosen = initialise(net(f"core a(8, 8) core b(8, 8) core g(8, 8) init identity {outputs}"))
    assert chosen.diagnostics == ()
    assert {output.name: output.std for output in chosen.outputs}["w"] == pytest.approx(0.3)


def test_tanh_without_a_declared_deviation_is_not_saturated() -> None:
    program = net("core a(16, 16) output w(i, j) = tanh(a(i, j))")
    assert initialise(program).outputs[0].std == pytest.approx(0.63, abs=0.03)
    assert gains(program) == {"a": pytest.approx(4.0)}


# -- odd programs ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cores", "value"),
    [
        ("core a(8, 8) core b(8, 8)", "a(i, k) + relu(a(i, j) * b(j, k))"),
        ("core a(8, 8)", "a(i, j) * a(j, k)"),
        ("core a(8, 8) init identity(0.3) core b(8, 8)", "relu(relu(b(i, j)) * a(j, k))"),
        ("core a(8, 6) core c(6) init [1, 2, 3, 4, 5, 6] frozen core d(8, 4)", "gelu(a(i, j) * c(j)) * d(i, k)"),
        ("fn bent(t) = t^2 - 1 core a(8, 8) core b(8, 8)", "bent(a(i, j)) * b(j, k)"),
        ("core a(4, 4, 4) core b(4, 4)", "silu(a(i, j, j) * ones(j)) * b(i, k)"),
        ("input x(6, 8) core a(8, 8) core b(8, 8)", "tanh(x(i, j) * a(j, h)) * b(h, k)"),
        ("core a(8, 8) core s() init 0.25 core b(8, 8)", "prelu(a(i, j), s()) * b(j, k)"),
        ("core a(9, 4) core b(4, 9) core c(9)", "rms(softplus(a(i, j) * b(j, k))) * c(k)"),
        ("core u(6, 3) core v(5, 3) core z(5)", "sigmoid(u(i, r) * v(k, r)) * z(k)"),
        ("core a(300, 200) core b(200, 100)", "tanh(a(i, j)) * b(j, k)"),
        ("core a(4, 4) core b(4, 4, 4)", "tanh(a(i, j)) * b(i, j, k) + sin(a(i, k), 3)"),
    ],
)
def test_what_no_formula_gives_is_sampled(cores: str, value: str) -> None:
    assert_deviation(net(f"{cores} output w(i, k) std 0.5 = {value}"), 0.5, 300)


def test_long_products_neither_overflow_nor_vanish() -> None:
    program = net(
        "input x(500, 2) core g[k in 0..500](4, 2, 4)"
        " output w(r[0], r[500]) = prod(k in 0..500) (g[k](r[k], i[k], r[k + 1]) * x([k], i[k]))"
    )
    chosen = initialise(program)
    assert chosen.outputs[0].std == pytest.approx(1.0)
    assert all(0.1 < gain < 10 for gain in gains(program).values())


def test_cores_that_only_shape_activations() -> None:
    program = net("core a(8, 8) core s() output w(i, j) = prelu(a(i, j), s())")
    assert initialise(program).inits["s"] == Constant(0.25)


@given(program=programs(), std=st.sampled_from([None, 0.3, 1e-12, 1e12]))
@settings(max_examples=200, deadline=None)
def test_any_program_can_be_initialised(program: Program, std: float | None) -> None:
    program = replace(program, outputs=tuple(replace(output, std=std) for output in program.outputs))
    chosen = initialise(program)
    auto = {str(parameter.name) for parameter in program.parameters if isinstance(parameter.init, Auto)}
    assert set(chosen.inits) == auto
    verify_program(program)
    resolved = [replace(p, init=chosen.inits.get(str(p.name), p.init)) for p in program.parameters]
    verify_program(replace(program, parameters=tuple(resolved)))


# -- the topologies ----------------------------------------------------------------------------

CALLS = {
    "ttn": "std.ttn(dims = {dims}, chi = {chi}, act = {act})",
    "attn1": "std.attn(dims = {dims}, chi = {chi}, layers = 1, act = {act})",
    "attn2": "std.attn(dims = {dims}, chi = {chi}, layers = 2, act = {act})",
    "mera": "std.mera(dims = {dims}, chi = {chi}, act = {act})",
    "brickwall": "std.brickwall(dims = {dims}, layers = 2, act = {act})",
    "fixed": 'std.brickwall(dims = {dims}, layers = 2, boundary = "fixed", act = {act})',
    "trained": 'std.brickwall(dims = {dims}, layers = 2, boundary = "trained", act = {act})',
}


@pytest.mark.parametrize("act", ["identity", "relu", "tanh"])
@pytest.mark.parametrize("name", CALLS)
def test_small_decoders(name: str, act: str) -> None:
    call = CALLS[name].format(dims="[2] * 8", chi=2, act=act)
    assert_deviation(decoder(call, 8, std=0.1), 0.1, 150)


@pytest.mark.slow
@pytest.mark.parametrize("act", ["identity", "relu", "tanh"])
@pytest.mark.parametrize("chi", [2, 4])
@pytest.mark.parametrize("name", CALLS)
def test_decoders_of_4096_entries(name: str, chi: int, act: str) -> None:
    program = decoder(CALLS[name].format(dims="[2] * 12", chi=chi, act=act), 12, std=0.1)
    found = roots(program, 1000 if act == "relu" else 300)
    squares = np.square(found)
    assert squares.std() / math.sqrt(len(squares)) / (2 * squares.mean()) < 0.015
    assert math.sqrt(squares.mean()) == pytest.approx(0.1, rel=0.05)
    assert np.mean((found >= 0.05) & (found <= 0.2)) >= 0.9


# -- determinism -------------------------------------------------------------------------------


SAMPLED = CALLS["mera"].format(dims="[2] * 7", chi=3, act="gelu")


def test_the_choice_is_the_same_in_every_process() -> None:
    code = "from tests.init.test_initialise import *; print(initialise(decoder(SAMPLED, 7)))"
    found = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(found) == 1


def test_the_choice_depends_on_the_program_alone() -> None:
    program = decoder(CALLS["attn1"].format(dims="[2] * 6", chi=2, act="tanh"), 6)
    first: Initialisation = initialise(program)
    assert initialise(program) == first
    assert initialise(run_passes(program)).inits == first.inits
