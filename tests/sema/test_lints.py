"""Lints about networks that are legal but hardly meant: when they fire, and when they must not."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.pace import timed
from tests.sema.elaborated import diagnosed, elaborated
from tnc.diagnostics import LINTS
from tnc.sema import standard_names
from tnc.source import Source

STD = Path(__file__).parents[2] / "grammar" / "std"


def codes(body: str) -> list[str]:
    return [code for code, _ in diagnosed(f"network n(act: fn = tanh) {{\n{body}\n}}")]


# -- bonds -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("core b(8, 16)\ncore a(16, 64)\noutput w(i, j) = b(i, r) * a(r, j)", ["TN807"]),
        ("core b(8, 8)\ncore a(8, 64)\noutput w(i, j) = b(i, r) * a(r, j)", []),
        ("core b(8, 9)\ncore a(9, 8)\noutput w(i, j) = b(i, r) * a(r, j)", ["TN807", "TN807"]),
        # what two bonds could be together is not looked at: gates act on several legs of one tensor
        ("core b(8, 4, 4)\ncore a(4, 4, 64)\noutput w(i, j) = b(i, r, s) * a(r, s, j)", []),
        ("core v(2)\ncore m(2, 2)\noutput w(j) = v(i) * m(i, j)", []),
        # a bond may be as large as the rest of a core, which includes other bonds
        ("core b(2, 8)\ncore a(8, 3, 9)\ncore c(9, 9)\noutput w(i, j, k) = b(i, r) * a(r, j, s) * c(s, k)", ["TN807"]),
        # data may be wide, constants too
        ("input x(batch?, 100)\ncore a(100, 3)\noutput y(b, j) = x(b, i) * a(i, j)", []),
        ("core b(100, 20) frozen\ncore a(20, 3)\noutput w(i, j) = b(i, r) * a(r, j)", []),
        # a hidden layer may be wider than what follows
        ("input x(batch?, 4)\ncore a(4, 32)\ncore b(32, 2)\noutput y(n, o) = relu(x(n, i) * a(i, h)) * b(h, o)", []),
        # the other side is used twice, each time with another partner
        ("core a(8, 4)\ncore b(4, 2)\ncore c(4, 2)\noutput v(i, j) = a(i, r) * b(r, j)\n"
         "output w(i, j) = a(i, r) * c(r, j)", []),
        # hyperedges and sums of a core with itself
        ("core a(2, 9)\ncore b(2, 9)\ncore c(2, 9)\noutput w(i, j, k) = a(i, r) * b(j, r) * c(k, r)", []),
        ("core a(9, 9)\noutput w() = a(i, i)", []),
        ("core a(9)\noutput w() = a(i) * a(i)", []),
    ],
)  # fmt: skip
def test_bonds(body: str, expected: list[str]) -> None:
    assert codes(body) == expected


def test_a_bond_is_told_once_for_all_members_of_a_family() -> None:
    body = "core b[k in 0..3](2, 8)\ncore a[k in 0..3](8, 2)\n"
    body += "\n".join(f"output w{k}(i, j) = b[{k}](i, r) * a[{k}](r, j)" for k in range(3))
    assert codes(body) == ["TN807", "TN807"]


def test_the_message_of_a_bond() -> None:
    text = "network n() {\n core b(8, 16)\n core a(16, 64)\n output w(i, j) = b(i, r) * a(r, j)\n}"
    (found,) = elaborated(text)[1]
    assert found.message == "the bond `r` has dimension 16, but the other legs of `b` only 8"
    assert found.help == "8 can represent the same: clip the bond, as in `min(chi, 8)`"
    assert [label.message for label in found.labels] == ["summed here"]


# -- columns of gates --------------------------------------------------------------------------

GATES = "core t(2, 2, 2)\ncore g[k in 0..3](2, 2 -> 2, 2)\nh(x[0..3]) = t(x[0..3])\n"


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        ("g[0](x[0], x[1], x'[0], x'[1])", []),
        ("g[0](x[0], x[1], x'[0], x'[1]) * g[1](x[1], x[2], x'[1], x'[2])", ["TN808"]),
        ("prod(k in 0..2) g[k](x[k], x[k + 1], x'[k], x'[k + 1])", ["TN808"]),
        # one after the other through a leg between them
        ("g[0](x[0], x[1], x'[0], y) * g[1](y, x[2], x'[1], x'[2])", []),
        # a factor on the new leg is not a gate
        ("g[0](x[0], x[1], x'[0], x'[1]) * ones(x'[1])", []),
    ],
)
def test_columns(column: str, expected: list[str]) -> None:
    found = codes(f"{GATES}h(x'[0..3]) = h(x[0..3]) * {column}\noutput w(x[0..3]) = h(x[0..3])")
    assert [code for code in found if code != "TN801"] == expected


# -- crops -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("output", "expected"),
    [
        ("w(out: 8 = i, in = j)", []),
        ("w(out: 7 = i, in = j)", ["TN809"]),
        ("w(out: 5 = i, in: 5 = j)", ["TN809", "TN809"]),
        ("w(m: 129 = (i, j))", []),
        ("w(m: 127 = (i, j))", ["TN809"]),
        ("w(i, j) reshape(out = 8, in = 16)", []),
        ("w(i, j) reshape(127)", ["TN809"]),
        ("w(i, j) reshape(out = 2, in = 128)", []),
    ],
)
def test_crops(output: str, expected: list[str]) -> None:
    assert codes(f"core a(16, 16)\noutput {output} = a(i, j)") == expected


def test_kernels_on_padded_legs_are_no_waste() -> None:
    """Three of four, five of eight, eleven of sixteen: the next power of two is never more than twice."""
    assert codes("core a(4, 8, 16)\noutput w(a: 3 = i, b: 5 = j, c: 11 = k) = a(i, j, k)") == []


# -- regions without an activation between them ------------------------------------------------

LAYERS = "core A(4, 4)\ncore B[k in 0..4](4, 4)\nh(i, j) = A(i, j)\n"


def layers(*functions: str) -> list[str]:
    lines = [f"h(i, j) = {f}(h(i, k) * B[{n}](k, j))" for n, f in enumerate(functions)]
    return codes(LAYERS + "\n".join(lines) + "\noutput w(i, j) = h(i, j)")


@pytest.mark.parametrize(
    ("functions", "expected"),
    [
        (("act", "", "act", "act"), ["TN811"]),
        (("act", "identity", "act", "act"), []),  # said to be meant
        (("act", "act", "act", ""), []),  # the last one has none
        (("", "act", "", "act"), []),  # every second one: brick walls are so
        (("", "", "", ""), []),  # a linear network
        (("", "act", "act", "act"), ["TN811"]),
        (("rms", "", "act", "act"), ["TN811"]),
    ],
)
def test_regions(functions: tuple[str, ...], expected: list[str]) -> None:
    assert [code for code in layers(*functions) if code != "TN801"] == expected


def test_what_the_others_act_on_may_be_a_product() -> None:
    body = LAYERS.replace("= A(i, j)", "= A(i, k) * B[0](k, j)")
    body += "for k in 1..4 { h(i, j) = act(h(i, l) * B[k](l, j)) }\noutput w(i, j) = h(i, j)"
    assert codes(body) == []


def test_a_reshape_points_at_its_clause() -> None:
    text = "network n() {\n core a(2, 2)\n output w(i, j) reshape(out = 3, in = 3) std 0.5 = a(i, j)\n}"
    assert diagnosed(text) == [("TN313", "out = 3, in = 3")]


# -- the library is clean, also where somebody copies it ---------------------------------------

ARGUMENTS = {
    "peps": {"rows": "3", "cols": "3", "dims": "[2]*9"},
    "tucker": {"dims": "[4]*3", "ranks": "[2]*3"},
    "cp": {"dims": "[4]*3", "rank": "3"},
    "lowrank": {"rows": "8", "cols": "6", "rank": "2"},
    "weight": {"shape": "[12, 7, 3]", "topology": '"attn"'},
    "mpo": {"outs": "[2]*4", "ins": "[2]*4", "chi": "2"},
}


@pytest.mark.parametrize("name", standard_names())
def test_the_library_as_a_file_of_ones_own(name: str) -> None:
    text = (STD / f"{name}.tn").read_text(encoding="utf-8")
    arguments: dict[str, object] = {
        key: Source("a", value) for key, value in ARGUMENTS.get(name, {"dims": "[2]*8"}).items()
    }
    programs, found = elaborated(text, network=name, arguments=arguments)
    assert programs != [None], found
    assert [d.message for d in found if d.code in LINTS] == []


# -- what is named, and how ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("core g[k in 0..9](2)\noutput w(i) = g[0](i)", "cores `g[1..9]` are never used"),
        (
            "core g[l in 0..2, k in 0..3](2)\noutput w(i) = sum(k in 0..3) g[0, k](i)",
            "cores `g[1, 0..3]` are never used",
        ),
        ("core g[k in [1, 5, 7]](2)\noutput w(i) = g[1](i)", "cores `g[5]` and `g[7]` are never used"),
        ("core g[k in 0..3](2)\noutput w(i) = g[0](i) * g[1](i)", "core `g[2]` is never used"),
    ],
)
def test_families_are_named_as_ranges(body: str, message: str) -> None:
    (found,) = elaborated(f"network n() {{\n{body}\n}}")[1]
    assert found.message == message


def test_lints_of_long_networks_are_quick() -> None:
    body = "core a[k in 0..4](4, 4)\ncore g[k in 0..3000](4, 4)\nh(i, j) = a[0](i, j)\n"
    body += "for k in 0..3000 { h(i, j) = tanh(h(i, l) * g[k](l, j)) }\nlet t = std.mps(dims = [2] * 500)\n"
    body += "s() = t(x[0..500]) * t(x[0..500])\nfor k in 0..300 { s() = s() * t(x[0..500]) * t(x[0..500]) }\n"
    _, seconds = timed(lambda: codes(body + "output w(i, j) = h(i, j) * s()"))
    assert seconds < 20
