"""The flat text of Programs: every construct as it must be printed, on hand-made Programs."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tnc.ir import program_text
from tnc.ir.program import (
    Apply,
    Argument,
    Auto,
    Constant,
    Contract,
    CoreName,
    Crop,
    Delta,
    Dim,
    Entries,
    FlatCrop,
    Glorot,
    He,
    Identity,
    Init,
    Input,
    Literal,
    Normal,
    Normalize,
    Ones,
    Orthogonal,
    Output,
    Parameter,
    Pointwise,
    Program,
    Requirement,
    Reshape,
    Scalar,
    Select,
    Statement,
    Sum,
    Term,
    Uniform,
    Use,
    View,
    ViewKind,
)
from tnc.ir.scalar import number_text, scalar_text


def core(
    name: str,
    shape: tuple[int, ...],
    init: Init | None = None,
    *,
    path: str = "",
    subscripts: tuple[int, ...] | None = None,
    inputs: int | None = None,
    frozen: bool = False,
) -> Parameter:
    if inputs is None:
        inputs = min(len(shape), max(1, len(shape) // 2))
    return Parameter(CoreName(path, name, subscripts), shape, inputs, init or Auto(), frozen)


def program(*statements: Statement, parameters: tuple[Parameter, ...] = (), inputs: tuple[Input, ...] = ()) -> Program:
    last = statements[-1]
    whole = Program("net", parameters, inputs, statements, ())
    return replace(whole, outputs=(Output("y", last.name, (None,) * len(whole.shapes()[last.name]), None),))


def line(statement: Statement, *shapes: tuple[str, tuple[Dim, ...]], canonical: bool = False) -> str:
    """How one statement over inputs of these shapes prints."""
    given = tuple(Input(name, shape) for name, shape in shapes)
    text = program_text(program(statement, inputs=given), canonical=canonical)
    (found,) = [line.strip() for line in text.splitlines() if line.startswith(f"  {statement.name}(")]
    return found


def test_a_whole_file() -> None:
    cores = (
        core("top", (2, 2), Normal(0.5), path="tree"),
        core("iso", (2, 2, 2), Orthogonal(1.0), path="tree", subscripts=(1, 0)),
        core("gain", (), Constant(1.0)),
    )
    statements = (
        Contract("tree.h", (Use("tree.top", (0, 1)), Use("tree.iso[1, 0]", (0, 2, 3))), (2, 3, 1), (2, 2, 2, 2)),
        Pointwise("tree.h_2", Apply("relu", (Argument(0),)), ("tree.h",), "relu"),
        Contract("w", (Use("gain", ()), Use("tree.h_2", (0, 1, 2))), (2, 1, 0), (2, 2, 2)),
    )
    outputs = (Output("w", "w", ("out", "in", None), 0.5),)
    requirements = (
        Requirement("params", "<=", 500.0, 'at most "500"\n'),
        Requirement("step_time", "<", 2e-3, None, "h100", (("batch", 128),)),
    )
    whole = Program("net", cores, (Input("x", ("batch", 4)),), statements, outputs, requirements)
    assert program_text(whole) == (
        "network net() {\n"
        "  core tree.top(2, 2) init normal(0.5)\n"
        "  core tree.iso[1, 0](2 -> 2, 2) init orthogonal(1)\n"
        "  core gain() init 1\n"
        "\n"
        "  input x(batch?, 4)\n"
        "\n"
        "  tree.h(c, d, b) = tree.top(a, b) * tree.iso[1, 0](a, c, d)\n"
        "  tree.h_2(a, b, c) = relu(tree.h(a, b, c))\n"
        "  w(c, b, a) = gain() * tree.h_2(a, b, c)\n"
        "\n"
        '  require params <= 500, "at most \\"500\\"\\n"\n'
        '  require step_time("h100", batch = 128) < 0.002\n'
        "\n"
        "  output w(out = a, in = b, c) std 0.5 = w(a, b, c)\n"
        "}\n"
    )


@pytest.mark.parametrize(
    ("parameter", "expected"),
    [
        (core("a", ()), "core a()"),
        (core("a", (3,)), "core a(3)"),
        (core("a", (3,), inputs=0), "core a(-> 3)"),
        (core("a", (3, 4)), "core a(3, 4)"),
        (core("a", (3, 4), inputs=2), "core a(3, 4 ->)"),
        (core("a", (2, 3, 4), inputs=2), "core a(2, 3 -> 4)"),
        (core("a", (2, 3), Identity(0.1)), "core a(2 -> 3) init identity(0.1)"),
        (core("a", (2, 3), Glorot()), "core a(2 -> 3) init glorot"),
        (core("a", (2, 3), He(), frozen=True), "core a(2 -> 3) init he frozen"),
        (core("a", (2,), Uniform(-0.5, 1.0)), "core a(2) init uniform(-0.5, 1)"),
        (core("a", (2,), Entries((1.0, -0.25))), "core a(2) init [1, -0.25]"),
        (core("a", (2,), Constant(-3.0)), "core a(2) init -3"),
        (core("a", (2,), path="t[0].u", subscripts=(1, 2)), "core t[0].u.a[1, 2](2)"),
    ],
)
def test_cores(parameter: Parameter, expected: str) -> None:
    name = str(parameter.name)
    statement = Pointwise("h", Apply("relu", (Argument(0),)), (name,))
    assert program_text(program(statement, parameters=(parameter,))).splitlines()[1].strip() == expected


def test_a_number_is_a_statement() -> None:
    assert line(Contract("h", (), (), (), 3.0)) == "h() = 3"
    assert line(Contract("h", (), (), ())) == "h() = 1"


def test_scales_conjugates_deltas_and_ones() -> None:
    statement = Contract("h", (Use("x", (0, 1), True), Delta((1, 2)), Ones((0,))), (2, 0), (3, 2, 2), scale=-0.5)
    assert line(statement, ("x", (3, 2))) == "h(c, a) = -0.5 * conj(x(a, b)) * delta(b, c) * ones(a)"


def test_a_leg_summed_alone_says_so() -> None:
    assert line(Contract("h", (Use("x", (0, 1)),), (0,), (3, 2)), ("x", (3, 2))) == "h(a) = x(a, b) * ones(b)"
    assert line(Contract("h", (Use("x", (0, 0)),), (), (3,)), ("x", (3, 3))) == "h() = x(a, a)"


def test_sums() -> None:
    terms = (Term(-1.0, Use("x", (0,))), Term(2.0, Use("z", (1, 0), True)), Term(-0.25, Use("x", (0,))))
    assert line(Sum("h", terms, (0, 1), (3, 2)), ("x", (3,)), ("z", (2, 3))) == (
        "h(a, b) = -x(a) + 2 * conj(z(b, a)) - 0.25 * x(a)"
    )


@pytest.mark.parametrize(
    ("old", "kind", "new", "expected"),
    [
        ((2, 3, 4), Reshape(), (6, 4), "h((a, b), c) = x(a, b, c)"),
        (("batch", 3, 4), Reshape(), ("batch", 12), "h(a, (b, c)) = x(a, b, c)"),
        ((6, 4), Reshape(), (2, 3, 4), "h(a, b) reshape(2, 3, 4) = x(a, b)"),
        (("batch", 6), Reshape(), ("batch", 2, 3), "h(a, b) reshape(batch, 2, 3) = x(a, b)"),
        ((4, 6), Reshape(), (6, 4), "h(a, b) reshape(6, 4) = x(a, b)"),
        ((2,), Reshape(), (2, 1), "h(a, ()) = x(a)"),
        ((2, 1), Reshape(), (2,), "h((a, b)) = x(a, b)"),
        ((), Reshape(), (1, 1), "h((), ()) = x()"),
        ((1, 1), Reshape(), (), "h() = x((), ())"),
        ((4, 6), FlatCrop(), (5, 2), "h(a, b) reshape(5, 2) = x(a, b)"),
        ((4, 6), FlatCrop(), (1,), "h(a, b) reshape(1) = x(a, b)"),
        (("batch", 6, 5), Crop(), ("batch", 4, 5), "h(a, b: 4 = b, c) = x(a, b, c)"),
        ((4, 6, 5), Select(1, 3), (4, 5), "h(a, b) = x(a, [3], b)"),
        ((4,), Select(0, 0), (), "h() = x([0])"),
    ],
)
def test_views(old: tuple[Dim, ...], kind: ViewKind, new: tuple[Dim, ...], expected: str) -> None:
    assert line(View("h", "x", kind, new), ("x", old)) == expected


def test_rms() -> None:
    assert line(Normalize("h", "x"), ("x", ("batch", 3))) == "h(a, b) = rms(x(a, b))"


# -- names -------------------------------------------------------------------------------------


def named(*names: str, canonical: bool = False) -> str:
    statement = Contract("h", (Use("x", (0, 1)),), (1, 0), (2, 3), leg_names=names)
    return line(statement, ("x", (2, 3)), canonical=canonical)


def test_leg_names_are_the_authors_where_they_can_be() -> None:
    assert named("row", "col") == "h(col, row) = x(row, col)"
    assert named("row", "col", canonical=True) == "h(b, a) = x(a, b)"
    assert named("x[0]", "x[1, -2]") == "h(x[1, -2], x[0]) = x(x[0], x[1, -2])"
    assert named("x'[0]", "y''") == "h(y, x[0]) = x(x[0], y)"


@pytest.mark.parametrize(
    "names", [("i", "i"), ("i", "i'"), ("in", "j"), ("i", ""), ("i",), ("1", "2"), ("i#", "j"), ()]
)
def test_other_leg_names_give_way_to_letters(names: tuple[str, ...]) -> None:
    assert named(*names) == "h(b, a) = x(a, b)"


def test_many_legs_are_numbered() -> None:
    shape = (1,) * 27
    text = line(Normalize("h", "x"), ("x", shape))
    assert text.startswith("h(i0, i1, ")
    assert text.endswith("i26))")


# -- functions ---------------------------------------------------------------------------------

T = Argument(0)


def pointwise(function: Scalar, name: str, *scalars: str) -> tuple[str, str]:
    statement = Pointwise("h", function, ("x", *scalars), name)
    given = (Input("x", (2,)), *(Input(scalar, ()) for scalar in scalars))
    lines = program_text(program(statement, inputs=given)).splitlines()
    declaration = lines[0] if lines[0].startswith("fn") else ""
    return declaration, next(line.strip() for line in lines if line.startswith("  h("))


def test_builtins_print_as_themselves() -> None:
    assert pointwise(Apply("leaky_relu", (T, Literal(0.01))), "leaky_relu") == ("", "h(a) = leaky_relu(x(a), 0.01)")
    assert pointwise(Apply("prelu", (T, Argument(1))), "prelu", "s") == ("", "h(a) = prelu(x(a), s())")


def test_other_functions_are_declared() -> None:
    half = Apply("mul", (Literal(0.5), T))
    assert pointwise(half, "half") == ("fn half(t) = 0.5 * t", "h(a) = half(x(a))")
    assert pointwise(half, "") == ("fn f1(t) = 0.5 * t", "h(a) = f1(x(a))")
    assert pointwise(half, "relu")[0] == "fn f1(t) = 0.5 * t"
    assert pointwise(half, "std")[0] == "fn f1(t) = 0.5 * t"
    assert pointwise(half, "x")[0] == "fn x_2(t) = 0.5 * t"
    bent = Apply("add", (T, Argument(1)))
    assert pointwise(bent, "bent", "s", "r") == ("fn bent(t, p1) = t + p1", "h(a) = bent(x(a), s(), r())")


def test_a_builtin_whose_arguments_are_not_in_order_is_declared() -> None:
    function = Apply("elu", (T, Argument(2)))
    declaration, use = pointwise(function, "elu", "s", "r")
    assert declaration == "fn f1(t, p1, p2) = elu(t, p2)"
    assert use == "h(a) = f1(x(a), s(), r())"


def test_two_functions_of_one_name_are_told_apart() -> None:
    first = Pointwise("h", Apply("mul", (Literal(2.0), T)), ("x",), "f")
    second = Pointwise("g", Apply("mul", (Literal(3.0), T)), ("h",), "f")
    text = program_text(program(first, second, inputs=(Input("x", (2,)),)))
    assert text.startswith("fn f(t) = 2 * t\nfn f_2(t) = 3 * t\n\nnetwork")
    assert "g(a) = f_2(h(a))" in text


def op(name: str, *operands: Scalar) -> Scalar:
    return Apply(name, operands)


@pytest.mark.parametrize(
    ("scalar", "expected"),
    [
        (op("add", op("add", T, T), op("add", T, T)), "t + t + (t + t)"),
        (op("sub", T, op("sub", T, T)), "t - (t - t)"),
        (op("div", op("mul", T, T), op("div", T, T)), "t * t / (t / t)"),
        (op("mul", op("add", T, T), T), "(t + t) * t"),
        (op("pow", op("pow", T, T), op("pow", T, T)), "(t^t)^(t^t)"),
        (op("neg", op("pow", T, Literal(2.0))), "-t^2"),
        (op("pow", op("neg", T), Literal(2.0)), "(-t)^2"),
        (op("mul", op("neg", T), op("neg", T)), "(-t) * (-t)"),
        (op("sub", T, Literal(-2.0)), "t - (-2)"),
        (op("neg", Literal(2.0)), "-(2)"),
        (op("where", op("lt", T, Literal(0.0)), op("neg", T), T), "where(t < 0, -t, t)"),
        (op("max", op("add", T, T), Literal(1e-3)), "max(t + t, 0.001)"),
    ],
)
def test_expressions(scalar: Scalar, expected: str) -> None:
    assert scalar_text(scalar, ["t"]) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (1.0, "1"),
        (-2.0, "-2"),
        (0.1, "0.1"),
        (1e-12, "1e-12"),
        (1e16, "1e16"),
        (-0.0, "-0.0"),
        (123456789.0, "123456789"),
    ],
)
def test_numbers(value: float, expected: str) -> None:
    assert number_text(value) == expected
    assert float(expected) == value
