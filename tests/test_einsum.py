"""Einsum equations through the whole compiler, opt_einsum's own test equations among them."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import numpy as np
import pytest

import tnc
from tests import oracle
from tests.backends import BACKENDS, evaluate
from tnc.einsum import einsum_text


def library(module: str = "") -> Any:
    """A module of opt_einsum, which is untyped."""
    return import_module(f"opt_einsum{module}")


def collected() -> tuple[list[str], list[tuple[str, str]]]:
    """opt_einsum's test equations, made explicit, and those that are left out with the reason."""
    tests = {name: library(f".tests.test_{name}") for name in ("contract", "backends", "sharing", "blas", "paths")}
    found: list[str] = [*tests["contract"].tests, *tests["backends"].tests, *tests["sharing"].equations]
    found += [f"{','.join(inputs)}->{output}" for (inputs, output, *_), _ in tests["blas"].blas_tests]
    found += [test[1] for test in tests["paths"].path_edge_tests]
    found += [test[0] for test in tests["paths"].path_scalar_tests]
    taken: list[str] = []
    excluded: list[tuple[str, str]] = []
    for equation in dict.fromkeys(found):
        if "..." in equation:
            excluded.append((equation, "has an ellipsis, whose axes the tests do not say"))
        else:
            taken.append(equation if "->" in equation else f"{equation}->{implicit_result(equation)}")
    return list(dict.fromkeys(taken)), excluded


def implicit_result(equation: str) -> str:
    result: str = library(".parser").find_output_str(equation)
    return result


def contract(equation: str, arrays: list[Any]) -> Any:
    return library().contract("".join(equation.split()), *arrays)


EQUATIONS, EXCLUDED = collected()

SIZES = dict(zip("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ", [2, 3, 2, 3, 4] * 11, strict=False))

OURS: list[tuple[str, list[tuple[int, ...]]]] = [
    ("->", [()]),
    (",->", [(), ()]),
    ("i->i", [(3,)]),
    ("i->", [(3,)]),
    ("ii->i", [(3, 3)]),
    ("ii->", [(3, 3)]),
    ("iii->i", [(2, 2, 2)]),
    ("ij->ji", [(2, 3)]),
    (" i j , j k -> i k ", [(2, 3), (3, 4)]),
    ("ai,bi,ci->abc", [(2, 3), (3, 3), (4, 3)]),
    ("ai,bi,ci->abci", [(2, 3), (3, 3), (4, 3)]),
    ("ij,jk->ik", [(2, 1), (3, 4)]),
    ("ij,ij->ij", [(1, 3), (2, 1)]),
    ("ij,ij->", [(1, 3), (2, 1)]),
    ("ij->i", [(2, 1)]),
    ("ij,kj->ik", [(2, 1), (3, 1)]),
    ("i,i->", [(1,), (3,)]),
    ("ab,b->a", [(1, 4), (1,)]),
    ("aA,Aα->aα", [(2, 3), (3, 4)]),
    ("éñ,ñ𝔸->é𝔸", [(2, 3), (3, 2)]),
    ("αβ,βγ->", [(2, 3), (3, 2)]),
    (",ij,->ji", [(), (2, 3), ()]),
    ("abc,d->a", [(2, 3, 4), (5,)]),
]


def operands(shapes: list[tuple[int, ...]]) -> list[Any]:
    random = np.random.default_rng(1)
    return [random.standard_normal(shape) for shape in shapes]


def check(actual: Any, expected: Any) -> None:
    expected = np.asarray(expected)
    assert actual.shape == expected.shape
    np.testing.assert_allclose(actual, expected, rtol=0, atol=1e-12 * max(1.0, float(np.abs(expected).max(initial=0))))


@pytest.mark.parametrize(("equation", "shapes"), OURS)
def test_the_text_means_the_equation(equation: str, shapes: list[tuple[int, ...]]) -> None:
    arrays = operands(shapes)
    network = oracle.load(einsum_text(equation, shapes))
    actual = network.evaluate({}, {f"x{i}": array for i, array in enumerate(arrays)})["out"]
    check(actual, contract(equation, arrays))


def test_how_many_equations_there_are() -> None:
    print(f"opt_einsum: {len(EQUATIONS)} equations, excluded {EXCLUDED or 'none'}")
    assert len(EQUATIONS) >= 90


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("equation", EQUATIONS)
def test_equations_of_opt_einsum(equation: str, backend: str) -> None:
    shapes = [tuple(SIZES[letter] for letter in operand) for operand in equation.partition("->")[0].split(",")]
    arrays = operands(shapes)
    network = tnc.einsum_program(equation, *shapes)
    check(evaluate(network, backend, arrays)["out"], contract(equation, arrays))


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(("equation", "shapes"), OURS)
def test_our_equations(equation: str, shapes: list[tuple[int, ...]], backend: str) -> None:
    arrays = operands(shapes)
    network = tnc.einsum_program(equation, *shapes)
    check(evaluate(network, backend, arrays)["out"], contract(equation, arrays))


@pytest.mark.parametrize("backend", BACKENDS)
def test_operands_can_be_cores(backend: str) -> None:
    arrays = operands([(2, 3), (3, 4), (4,)])
    network = tnc.einsum_program("ij,jk,k->i", (2, 3), (3, 4), (4,), cores=(0, 2))
    assert [str(parameter.name) for parameter in network.parameters] == ["x0", "x2"]
    cores = {"x0": arrays[0], "x2": arrays[2]}
    check(evaluate(network, backend, [arrays[1]], cores)["out"], np.einsum("ij,jk,k->i", *arrays))


@pytest.mark.parametrize(
    ("equation", "shapes", "cores", "code", "told"),
    [
        ("...i->i", [(2, 3)], (), "TN014", "the axes of the ellipsis are not in the result"),
        ("...i...->i", [(2, 3)], (), "TN014", "has two ellipses"),
        ("..i->i", [(2, 3)], (), "TN014", "`.` is not a letter"),
        ("…i->…", [(2, 3)], (), "TN014", "`…` is not a letter"),
        ("...ij->...", [(2,)], (), "TN015", "has at least 2 legs `...ij`, but its shape has 1 axes"),
        ("...,...->...", [(3, 2), (2, 2)], (), "TN015", "axis -2 of the ellipsis has the dimensions 3 and 2"),
        ("bi,bi->b", [("n", 3), ("m", 3)], (), "TN015", "leg `b` has the dimensions n and m"),
        ("bi,bi->b", [("n", 3), (4, 3)], (), "TN015", "leg `b` has the dimensions n and 4"),
        ("i->i", [("a b",)], (), "TN015", "the size `a b`"),
        ("i->i", [("in",)], (), "TN015", "the size `in`"),
        ("i->i", [("n",)], (0,), "TN015", "the shape of operand 0, a core, has the dynamic dimension `n`"),
        ("i->i", [(-3,)], (), "TN015", "an axis of size -3"),
        ("i->i", [(10**5000,)], (), "TN015", "an axis of more than 18 digits"),
        ("i->i", [(3,)], (-1,), "TN015", "there is no operand -1"),
        ("i->i", [(3,)], (10**5000,), "TN015", "there is no operand of so large an index"),
        ("i->i", [(3,)], (0, 0), "TN015", "operand 0 is in `cores` twice"),
        ("i->i", [np.ones((3, 4))], (), "TN015", "but its shape has 2 axes"),
        ("ij,jk", [(2, 3), (3, 4)], (), "TN014", "has no arrow"),
        ("ij->ik", [(2, 3)], (), "TN014", "`k` of the result is in no operand"),
        ("ij->ii", [(2, 3)], (), "TN014", "`i` stands twice in the result"),
        ("i2->i", [(2, 3)], (), "TN014", "`2` is not a letter"),
        ("i->j->i", [(2,)], (), "TN014", "`-` is not a letter"),
        ("ij,jk->ik", [(2, 3)], (), "TN015", "has 2 operands, but 1 shape is given"),
        ("ij->ij", [(2, 3, 4)], (), "TN015", "operand 0 has 2 legs `ij`, but its shape has 3 axes"),
        ("ij,jk->ik", [(2, 3), (4, 4)], (), "TN015", "leg `j` has the dimensions 3 and 4"),
        ("i->i", [(0,)], (), "TN015", "an axis of size 0"),
        ("i->i", [(2,)], (1,), "TN015", "there is no operand 1"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_wrong_equations(equation: str, shapes: list[Any], cores: tuple[int, ...], code: str, told: str) -> None:
    with pytest.raises(tnc.CompileError) as caught:
        tnc.einsum_program(equation, *shapes, cores=cores)
    (diagnostic,) = caught.value.diagnostics
    assert diagnostic.code == code
    assert told in diagnostic.message


@pytest.mark.parametrize(
    ("equation", "shapes"),
    [
        ("...i->...", [(3,)]),
        ("...i->...", [(2, 4, 3)]),
        ("...ij,jk->...ik", [(5, 2, 3), (3, 4)]),
        ("i...,...j->...ij", [(2, 7), (1, 3)]),
        ("...,...->...", [(2, 3), (3,)]),
        ("...,...->...", [(4, 1, 3), (2, 1)]),
        ("i...j->ij...", [(2, 3, 4, 5)]),
        ("...i,...i->...i", [(1, 3), (2, 3)]),
        ("i->i...", [(3,)]),
        ("...ii->...i", [(2, 3, 3)]),
    ],
)
def test_an_ellipsis_is_that_of_numpy(equation: str, shapes: list[tuple[int, ...]]) -> None:
    arrays = operands(shapes)
    for backend in BACKENDS:
        check(evaluate(tnc.einsum_program(equation, *shapes), backend, arrays)["out"], np.einsum(equation, *arrays))


def test_arrays_are_taken_for_their_shape() -> None:
    wanted = tnc.einsum_program("ij,jk->ik", (2, 3), (3, 4)).program
    left, right = operands([(2, 3), (3, 4)])
    assert tnc.einsum_program("ij,jk->ik", left, right).program == wanted
    torch, jax = import_module("torch"), import_module("jax")
    assert tnc.einsum_program("ij,jk->ik", torch.as_tensor(left), torch.empty(3, 4, device="meta")).program == wanted
    assert tnc.einsum_program("ij,jk->ik", jax.numpy.asarray(left), jax.eval_shape(lambda: right)).program == wanted
    assert tnc.einsum_program("ij,jk->ik", range(2, 4), [np.int64(3), 4]).program == wanted


@pytest.mark.parametrize("backend", BACKENDS)
def test_sizes_by_name_are_dynamic(backend: str) -> None:
    network = tnc.einsum_program("...i,ij->...j", ("batch", 3), (3, 4), cores=[1], names=["data", "weight"])
    assert [given.name for given in network.program.inputs] == ["data"]
    for batch in (1, 5):
        data, weight = operands([(batch, 3), (3, 4)])
        check(evaluate(network, backend, [data], {"weight": weight})["out"], data @ weight)


@pytest.mark.parametrize(
    "operand",
    [
        5,
        None,
        "23",
        b"23",
        2.0,
        True,
        {2, 3},
        {2: 3},
        iter((2, 3)),
        np.ndarray,
        [[2], [3]],
        (2.0, 3),
        (True, 3),
        (2, None),
    ],
)
def test_what_has_no_shape(operand: Any) -> None:
    with pytest.raises(TypeError, match="shape"):
        tnc.einsum_program("ij->ji", operand)


@pytest.mark.parametrize(
    ("arguments", "options", "told"),
    [
        ((operands([(2, 3)])[0], [0, 1]), {}, "the first argument must be an equation"),
        ((b"ij->ji", (2, 3)), {}, "the first argument must be an equation"),
        (("ij->ji", (2, 3)), {"cores": 0}, "`cores` must be a collection"),
        (("ij->ji", (2, 3)), {"cores": "0"}, "`cores` must be a collection"),
        (("ij->ji", (2, 3)), {"cores": None}, "`cores` must be a collection"),
        (("ij->ji", (2, 3)), {"cores": ["x0"]}, "an entry of `cores` must be the index of an operand"),
        (("ij->ji", (2, 3)), {"cores": [True]}, "an entry of `cores` must be the index of an operand"),
        (("ij->ji", (2, 3)), {"names": "x"}, "`names` must be a sequence of strings"),
        (("ij->ji", (2, 3)), {"names": [5]}, "an entry of `names` must be a string"),
    ],
)
def test_arguments_of_the_wrong_type(arguments: tuple[Any, ...], options: dict[str, Any], told: str) -> None:
    with pytest.raises(TypeError) as caught:
        tnc.einsum_program(*arguments, **options)
    assert str(caught.value).startswith(told)


@pytest.mark.parametrize(
    "names",
    [["a"], ["a", "b", "c"], ["a", "a"], ["a b", "c"], ["tanh", "c"], ["in", "c"], ["x'", "c"], ["é", "c"], ["", "c"]],
)
def test_names_that_no_operand_can_have(names: list[str]) -> None:
    with pytest.raises(tnc.CompileError) as caught:
        tnc.einsum_program("ij,jk->ik", (2, 3), (3, 4), names=names)
    assert [each.code for each in caught.value.diagnostics] == ["TN017"]


@pytest.mark.parametrize("names", [["out", "einsum"], ["i", "j"], ["e1", "self"], ["lambda", "lambda_"], ["__x", "T"]])
def test_any_other_names_will_do(names: list[str]) -> None:
    arrays = operands([(2, 3), (3, 4)])
    network = tnc.einsum_program("...i,ij->...j", (2, 3), (3, 4), names=names)
    for backend in BACKENDS:
        check(evaluate(network, backend, arrays)["out"], arrays[0] @ arrays[1])
