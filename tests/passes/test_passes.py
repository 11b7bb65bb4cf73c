"""What each pass does, on small Programs written out, by the text before and after."""

from __future__ import annotations

from typing import ClassVar

import pytest

from tests.pace import timed
from tnc.diagnostics import InternalError
from tnc.ir import program_text, verify_program
from tnc.ir.program import (
    Apply,
    Argument,
    Contract,
    Crop,
    Delta,
    Dim,
    FlatCrop,
    Input,
    Normalize,
    Ones,
    Output,
    Pointwise,
    Program,
    Reshape,
    Statement,
    Sum,
    Term,
    Use,
    View,
)
from tnc.passes import Pass, run_passes
from tnc.passes.broadcast_terms import BroadcastTerms
from tnc.passes.drop_dead import DropDead
from tnc.passes.eliminate_common import EliminateCommon
from tnc.passes.fold_constants import FoldConstants
from tnc.passes.fold_views import FoldViews
from tnc.passes.merge_contractions import MergeContractions
from tnc.passes.merge_deltas import MergeDeltas

RELU = Apply("relu", (Argument(0),))


def build(*statements: Statement, outputs: tuple[str, ...] = (), **inputs: tuple[Dim, ...]) -> Program:
    """A Program over inputs; its output is the last statement unless others are named."""
    given = tuple(Input(name, shape) for name, shape in inputs.items())
    whole = Program("net", (), given, statements, ())
    shapes = whole.shapes()
    named = outputs or (statements[-1].name,)
    program = Program(
        "net",
        (),
        given,
        statements,
        tuple(Output(f"y_{name}", name, (None,) * len(shapes[name]), None) for name in named),
    )
    verify_program(program)
    return program


def lines(program: Program) -> list[str]:
    """Statements and outputs as text."""
    found = [line.strip() for line in program_text(program).splitlines()]
    return [line for line in found if " = " in line and not line.startswith("fn")]


def after(each: Pass, program: Program) -> list[str]:
    result = each.run(program)
    verify_program(result)
    return lines(result)


# -- broadcast_terms ---------------------------------------------------------------------------


def test_a_sum_reads_a_tensor_itself_instead_of_its_product_with_ones() -> None:
    product = Contract("h", (Use("x", (0,)), Ones((1, 2))), (1, 2, 0), (3, "batch", 4), 2.0)
    other = Term(1.0, Use("y", (0, 1, 2)))
    program = build(
        product,
        Sum("s", (other, Term(-1.0, Use("h", (0, 1, 2)))), (0, 1, 2), ("batch", 4, 3)),
        x=(3,),
        y=("batch", 4, 3),
    )
    assert after(BroadcastTerms(), program)[1:2] == ["s(a, b, c) = y(a, b, c) - 2 * x(c)"]


def test_a_sum_keeps_ones_that_alone_give_it_a_leg() -> None:
    product = Contract("h", (Use("x", (0,)), Ones((1,))), (0, 1), (3, 4))
    alone = build(product, Sum("s", (Term(1.0, Use("h", (0, 1))), Term(1.0, Use("x", (0,)))), (0, 1), (3, 4)), x=(3,))
    assert BroadcastTerms().run(alone) is alone
    twice = build(product, Sum("s", (Term(1.0, Use("h", (0, 1))), Term(3.0, Use("h", (0, 1)))), (0, 1), (3, 4)), x=(3,))
    assert after(BroadcastTerms(), twice)[1:2] == ["s(a, b) = x(a) + 3 * h(a, b)"]


def test_a_sum_keeps_products_of_several_tensors_with_ones() -> None:
    product = Contract("h", (Use("x", (0,)), Use("x", (0,)), Ones((1,))), (0, 1), (3, 4))
    total = Sum("s", (Term(1.0, Use("y", (0, 1))), Term(1.0, Use("h", (0, 1)))), (0, 1), (3, 4))
    program = build(product, total, x=(3,), y=(3, 4))
    assert BroadcastTerms().run(program) is program


# -- merge_deltas ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        # delta renames, whichever side is shown
        (Contract("h", (Use("x", (0,)), Delta((0, 1))), (1,), (3, 3)), "h(a) = x(a)"),
        (Contract("h", (Delta((0, 1, 2)), Use("x", (0,)), Use("x", (2,))), (1,), (3, 3, 3)), "h(a) = x(a) * x(a)"),
        (Contract("h", (Delta((0, 1)), Delta((1, 2)), Use("x", (2,))), (0,), (3, 3, 3)), "h(a) = x(a)"),
        # a diagonal is embedded
        (Contract("h", (Use("x", (0,)), Delta((0, 1))), (1, 0), (3, 3)), "h(a, b) = x(a) * delta(a, b)"),
        (Contract("h", (Delta((0, 1, 2)),), (1, 0), (3, 3, 3)), "h(d0: 3 = a, b) = delta(a, b)"),
        # a trace through delta
        (Contract("h", (Use("m", (0, 1)), Delta((0, 1))), (), (3, 3)), "h() = m(a, a)"),
        # ones vanish where something holds the leg, also if it is then summed alone
        (Contract("h", (Use("x", (0,)), Ones((0,))), (), (3,)), "h() = x(a) * ones(a)"),
        (Contract("h", (Use("x", (0,)), Ones((0,))), (0,), (3,)), "h(a) = x(a)"),
        (Contract("h", (Use("x", (0,)), Ones((0, 1))), (1, 0), (3, 2)), "h(d1: 2 = b, a) = x(a) * ones(b)"),
        # a static leg summed alone is a number
        (Contract("h", (Use("x", (0,)), Ones((1,)), Delta((2, 3))), (0,), (3, 4, 5, 5)), "h(a) = 20 * x(a)"),
        (Contract("h", (Ones((0,)),), (), (4,), 0.5), "h() = 2"),
        (Contract("h", (Delta((0, 0)),), (), (4,)), "h() = 4"),
    ],
)
def test_merge_deltas(statement: Contract, expected: str) -> None:
    program = build(statement, x=(3,), m=(3, 3))
    assert after(MergeDeltas(), program)[0] == expected
    assert MergeDeltas().run(MergeDeltas().run(program)) == MergeDeltas().run(program)


def test_a_dynamic_leg_summed_alone_stays() -> None:
    program = build(Contract("h", (Use("x", (0, 1)), Ones((2,))), (1,), ("batch", 3, "batch")), x=("batch", 3))
    (statement,) = MergeDeltas().run(program).statements
    assert isinstance(statement, Contract)
    assert statement.factors == (Use("x", (0, 1)), Ones((2,)))


def test_a_number_too_large_for_float32_is_not_multiplied_out() -> None:
    legs = tuple(range(1, 41))
    program = build(Contract("h", (Use("x", (0,)), Ones(legs)), (0,), (3, *(1000 for _ in legs))), x=(3,))
    (statement,) = MergeDeltas().run(program).statements
    assert isinstance(statement, Contract)
    assert statement.scale == 1e18
    assert statement.factors[1:] == (Ones(tuple(range(1, 35))),)


# -- fold_constants ----------------------------------------------------------------------------


def test_numbers_go_into_scales() -> None:
    program = build(
        Contract("c", (), (), (), 3.0),
        Contract("h", (Use("c", ()), Use("x", (0,)), Use("c", ())), (0,), (3,), 0.5),
        x=(3,),
    )
    assert after(FoldConstants(), program)[1] == "h(a) = 4.5 * x(a)"


def test_copies_are_read_through() -> None:
    program = build(
        Contract("t", (Use("m", (0, 1), True),), (1, 0), (2, 3), 2.0),
        Contract("p", (Use("t", (0, 1), True), Use("x", (0,))), (1,), (3, 2)),
        Sum("s", (Term(-1.0, Use("t", (0, 1))), Term(1.0, Use("x", (0,)))), (0, 1), (3, 2)),
        outputs=("p", "s"),
        m=(2, 3),
        x=(3,),
    )
    assert after(FoldConstants(), program)[1:3] == [
        "p(a) = 2 * m(a, b) * x(b)",
        "s(b, a) = -2 * conj(m(a, b)) + x(b)",
    ]


def test_a_tensor_that_is_another_is_that_other_everywhere() -> None:
    program = build(
        Contract("a", (Use("x", (0,)),), (0,), (3,)),
        Contract("b", (Use("a", (0,)),), (0,), (3,)),
        Pointwise("r", RELU, ("b",)),
        outputs=("r", "b"),
        x=(3,),
    )
    assert after(FoldConstants(), program) == [
        "r(a) = relu(x(a))",
        "output y_r(a) = r(a)",
        "output y_b(a) = x(a)",
    ]


def test_equal_terms_are_added_and_a_lone_term_is_a_contraction() -> None:
    x = Use("x", (0,))
    program = build(Sum("s", (Term(1.0, x), Term(2.0, x)), (0,), (3,)), Pointwise("r", RELU, ("s",)), x=(3,))
    assert after(FoldConstants(), program)[0] == "s(a) = 3 * x(a)"


def test_a_term_that_alone_holds_a_leg_stays_whatever_its_coefficient() -> None:
    m, x = Use("m", (0, 1)), Use("x", (1,))
    program = build(Sum("s", (Term(0.0, m), Term(2.0, x)), (0, 1), (2, 3)), m=(2, 3), x=(3,))
    assert after(FoldConstants(), program)[0] == "s(a, b) = 0 * m(a, b) + 2 * x(b)"
    program = build(
        Sum("s", (Term(0.0, Use("x", (0,))), Term(2.0, Use("m", (1, 0)))), (0, 1), (3, 2)), m=(2, 3), x=(3,)
    )
    assert after(FoldConstants(), program)[0] == "s(b, a) = 2 * m(a, b)"


def test_terms_that_cancel_leave_a_zero() -> None:
    x = Use("x", (0,))
    program = build(Sum("s", (Term(1.0, x), Term(-1.0, x)), (0,), (3,)), Pointwise("r", RELU, ("s",)), x=(3,))
    assert after(FoldConstants(), program)[0] == "s(a) = 0 * x(a)"


# -- fold_views --------------------------------------------------------------------------------


def test_a_split_after_a_merge_is_nothing() -> None:
    program = build(
        View("flat", "x", Reshape(), ("batch", 6)),
        View("split", "flat", Reshape(), ("batch", 2, 3)),
        Pointwise("r", RELU, ("split",)),
        x=("batch", 2, 3),
    )
    assert after(FoldViews(), program)[-2] == "r(a, b, c) = relu(x(a, b, c))"


def test_views_of_views() -> None:
    program = build(
        View("a", "x", Reshape(), (6, 2)),
        View("b", "a", FlatCrop(), (2, 5)),
        View("c", "b", Reshape(), (10,)),
        View("d", "c", FlatCrop(), (10,)),
        View("e", "x", Crop(), (3, 3)),
        View("f", "e", Crop(), (2, 2)),
        View("g", "f", FlatCrop(), (4,)),
        outputs=("d", "f", "g"),
        x=(4, 3),
    )
    assert after(FoldViews(), program) == [
        "a(a, b) reshape(6, 2) = x(a, b)",
        "b(a, b) reshape(2, 5) = x(a, b)",
        "c(a, b) reshape(10) = x(a, b)",
        "d(a, b) reshape(10) = x(a, b)",
        "e(a: 3 = a, b) = x(a, b)",
        "f(a: 2 = a, b: 2 = b) = x(a, b)",
        "g((a, b)) = f(a, b)",
        "output y_d(a) = d(a)",
        "output y_f(a, b) = f(a, b)",
        "output y_g(a) = g(a)",
    ]


# -- eliminate_common and drop_dead ------------------------------------------------------------


def test_what_is_computed_twice_is_computed_once() -> None:
    def copy(name: str) -> tuple[Statement, ...]:
        product = Contract(f"p.{name}", (Use("m", (0, 1)), Use("x", (1,))), (0,), (2, 3), leg_names=(name, "k"))
        return product, Normalize(f"n.{name}", f"p.{name}")

    last = Contract("h", (Use("n.u", (0,)), Use("n.v", (0,))), (), (2,))
    program = build(*copy("u"), *copy("v"), last, m=(2, 3), x=(3,))
    assert after(EliminateCommon(), program) == [
        "p.u(u) = m(u, k) * x(k)",
        "n.u(a) = rms(p.u(a))",
        "h() = n.u(a) * n.u(a)",
        "output y_h() = h()",
    ]


def test_what_no_output_needs_goes() -> None:
    program = build(Normalize("a", "x"), Normalize("b", "a"), Normalize("c", "a"), outputs=("a", "x"), x=(3,))
    result = DropDead().run(program)
    assert [statement.name for statement in result.statements] == ["a"]
    assert result.inputs == program.inputs


# -- merge_contractions ------------------------------------------------------------------------


def chain(*uses: str) -> Program:
    """h = m x, then the given statements over it."""
    inner = Contract("h", (Use("m", (0, 1)), Use("x", (1,))), (0,), (2, 3), 0.5, leg_names=("i", "k"))
    outer = Contract("g", (Use("z", (0,)), Use("h", (0,), True), Use("w", (0,))), (), (2,), 4.0, leg_names=("k",))
    return build(inner, outer, outputs=uses or ("g",), m=(2, 3), x=(3,), z=(2,), w=(2,))


def test_a_contraction_used_once_is_merged_where_it_stood() -> None:
    assert after(MergeContractions(), chain())[0] == ("g() = 2 * z(k) * conj(m(k, k_2)) * conj(x(k_2)) * w(k)")


def test_a_contraction_that_is_shown_or_used_twice_stays() -> None:
    assert len(MergeContractions().run(chain("g", "h")).statements) == 2
    twice = build(
        Contract("h", (Use("m", (0, 1)), Use("x", (1,))), (0,), (2, 3)),
        Contract("g", (Use("h", (0,)), Use("h", (0,))), (), (2,)),
        m=(2, 3),
        x=(3,),
    )
    assert MergeContractions().run(twice) == twice


def test_a_diagonal_use_is_merged() -> None:
    program = build(
        Contract("h", (Use("m", (0, 1)), Use("m", (2, 1))), (2, 0), (3, 3, 3)),
        Contract("g", (Use("h", (0, 0)), Use("x", (0,))), (0,), (3,)),
        m=(3, 3),
        x=(3,),
    )
    assert after(MergeContractions(), program)[0] == "g(a) = m(a, b) * m(a, b) * x(a)"


def test_scales_that_would_overflow_keep_contractions_apart() -> None:
    statements = [Contract("h[0]", (Use("x", (0,)),), (0,), (3,), 1e10)]
    statements += [
        Contract(f"h[{n}]", (Use(f"h[{n - 1}]", (0,)), Use("x", (0,))), (0,), (3,), 1e10) for n in range(1, 6)
    ]
    result = run_passes(build(*statements, x=(3,)))
    scales = [statement.scale for statement in result.statements if isinstance(statement, Contract)]
    assert len(scales) > 1
    assert max(scales) <= 1e18


def test_barriers_views_and_sums_are_not_crossed() -> None:
    inner = Contract("h", (Use("m", (0, 1)), Use("x", (1,))), (0,), (4, 3))
    for barrier in (
        Pointwise("b", RELU, ("h",)),
        Normalize("b", "h"),
        View("b", "h", Reshape(), (4, 1)),
        Sum("b", (Term(1.0, Use("h", (0,))), Term(1.0, Use("s", ()))), (0,), (4,)),
    ):
        shape = build(inner, barrier, m=(4, 3), x=(3,), s=()).shapes()["b"]
        outer = Contract("g", (Use("b", tuple(range(len(shape)))),), (), shape)
        assert len(MergeContractions().run(build(inner, barrier, outer, m=(4, 3), x=(3,), s=())).statements) == 3


# -- the pipeline ------------------------------------------------------------------------------


def test_a_broken_pass_is_named() -> None:
    class Breaks:
        name: ClassVar[str] = "breaks"

        def run(self, program: Program) -> Program:
            return Program(program.name, program.parameters, program.inputs, (), program.outputs)

    with pytest.raises(InternalError, match="after the pass `breaks`: `output y_h`: uses `h`"):
        run_passes(build(Normalize("h", "x"), x=(3,)), [Breaks()])


def test_a_pass_must_not_touch_inputs() -> None:
    class Forgets:
        name: ClassVar[str] = "forgets"

        def run(self, program: Program) -> Program:
            return Program(program.name, (), (), (), ())

    with pytest.raises(InternalError, match="`forgets` changed parameters or inputs"):
        run_passes(build(Normalize("h", "x"), x=(3,)), [Forgets()])


def test_observers_are_told() -> None:
    seen: list[str] = []
    program = build(Contract("c", (Use("x", (0,)), Ones((0,))), (0,), (3,)), Normalize("h", "c"), x=(3,))
    result = run_passes(program, observers=[lambda each, before, after: seen.append(f"{each.name} {before != after}")])
    assert seen[:4] == ["fold_views False", "merge_deltas True", "broadcast_terms False", "fold_constants True"]
    assert [statement.name for statement in result.statements] == ["h"]


def test_large_programs_take_little_time() -> None:
    """10 000 statements in a chain, and a star of 4 000 factors: quadratic would take minutes."""
    long: list[Statement] = []
    for n in range(10_000):
        before = f"h[{n - 1}]" if n else "x"
        long.append(Contract(f"h[{n}]", (Use(before, (0,)), Use("m", (0, 1))), (1,), (3, 3)))
        if n % 50 == 0:
            long.append(Pointwise(f"r[{n}]", RELU, (f"h[{n}]",)))
            long[-1], long[-2] = long[-2], long[-1]
            long[-2:] = [
                Contract(f"p[{n}]", (Use(before, (0,)), Use("m", (0, 1))), (1,), (3, 3)),
                Pointwise(f"h[{n}]", RELU, (f"p[{n}]",)),
            ]
    star = Contract("star", tuple(Use("m", (n, n + 1)) for n in range(4000)), (0, 4000), (3,) * 4001)
    program = build(*long, star, outputs=("h[9999]", "star"), x=(3,), m=(3, 3))
    result, seconds = timed(lambda: run_passes(program))
    assert seconds < 10
    assert len(result.statements) == 402
