from __future__ import annotations

import json
from dataclasses import replace
from textwrap import dedent

import pytest

from tnc.ir.cost import Cost, Spent, Terms
from tnc.ir.program import Program, Requirement
from tnc.ir.schedule import Prediction
from tnc.report import Elsewhere, NetworkReport, OutputRow, RegionRow, Report, Unpredicted, broken_budgets
from tnc.report.text import MOST_REGIONS
from tnc.units import bytes_text, flops_text, grouped, plural, ratio_text, seconds_text


def region(name: str, seconds: float, planner: str | None = "exact") -> RegionRow:
    """A region that takes `seconds` of a training step of 20 µs."""
    cost = Cost(
        1_500, 3_000, 2_048, 4_096, 512, spent=Spent(Terms(traffic=seconds / 3), Terms(traffic=seconds * 2 / 3))
    )
    return RegionRow(
        name=name,
        text="relu(a(i, j) * b(j))",
        operands=3,
        planner=planner,
        costs=(cost,),
        largest_intermediate=128,
        whole=2e-5,
        std=0.70711,
    )


REPORT = NetworkReport(
    name="layer",
    arguments=(("chi", "2"), ("dims", "[2, 2]"), ("act", "relu"), ("wide", "true")),
    sizes=(("batch", 8),),
    dtype="float32",
    core_dtypes=("float32",),
    inputs=0,
    input_grads=False,
    digest="0" * 64,
    cores=2,
    parameters=164,
    frozen=6,
    outputs=(OutputRow("weight", (512, 512, 3, 3), 2_359_296, 0.0208333), OutputRow("loss", (), 1, None)),
    compression=2_359_297 / 164,
    flops_forward=12_345_678,
    flops_training=37_037_034,
    bytes_parameters=656,
    bytes_saved=9_437_184,
    bytes_peak_forward=18_874_368,
    bytes_peak_training=20_971_520,
    largest_intermediate=2_359_296,
    predicted=Prediction("torch", "a100", "abcdef0123456789", "torch", 1.23456e-3, 2e-5 - 1.23456e-3),
    trains=True,
    regions=(region("h", 3.0e-6), region("weight", 9.0e-6, planner=None)),
    elsewhere=Elsewhere(5.0e-6, 3.0e-6, 0.0, 1_024, 4_096),
    notes=("region `weight` takes 75 % of the estimated time: change that one first",),
)


def test_the_text() -> None:
    assert str(Report((REPORT,))) == dedent("""\
        network layer(chi = 2, dims = [2, 2], act = relu, wide = true)

          parameters            164 in 2 cores (656 B as float32), 6 frozen entries besides
          output weight         512 × 512 × 3 × 3 = 2 359 296 elements, starts with deviation 0.0208
          output loss           a scalar, starts with deviation unknown
          compression           14 386×
          sizes                 batch = 8
          largest intermediate  2 359 296 elements
          planned for           a100 (abcdef012345)

                               forward  training
          FLOPs                 12.3 M    37.0 M
          peak memory         18.0 MiB  20.0 MiB
          saved for backward            9.00 MiB
          memory traffic      5.00 KiB  16.0 KiB
          predicted time       1.23 ms   20.0 µs

          region          operands   FLOPs     bytes  largest     time  share  deviation  planned by
          h                      3  1.50 k  2.00 KiB      128  3.00 µs   15 %      0.707  exact
          weight                 3  1.50 k  2.00 KiB      128  9.00 µs   45 %      0.707
          elsewhere
            permutations                    1.00 KiB           5.00 µs   25 %
            calls                                              3.00 µs   15 %
            allocation                                            0 ns    0 %

          note: region `weight` takes 75 % of the estimated time: change that one first""")


def test_many_regions_are_cut_to_the_costly_ones_in_their_order() -> None:
    cheap = [region(f"r{n}", 1e-8) for n in range(100)]
    cheap[70] = region("costly", 1.8e-5)
    text = str(Report((replace(REPORT, regions=tuple(cheap)),)))
    (rest,) = (line for line in text.splitlines() if f"… and {100 - MOST_REGIONS} cheaper regions" in line)
    assert rest.split()[-4:] == ["760", "ns", "4", "%"]
    assert text.index("r0 ") < text.index("costly")


def test_the_json_has_the_shape_of_the_contract() -> None:
    value = json.loads(json.dumps(Report((REPORT,)).to_dict()))
    (network,) = value["networks"]
    assert network["arguments"] == {"chi": 2, "dims": [2, 2], "act": "relu", "wide": True}
    assert network["sizes"] == {"batch": 8}
    assert network["parameters"] == 164
    assert network["outputs"][0] == {
        "name": "weight",
        "shape": [512, 512, 3, 3],
        "elements": 2_359_296,
        "std": 0.0208333,
    }
    assert network["outputs"][1]["std"] is None
    assert network["regions"][0]["std"] == 0.70711
    assert network["flops"] == {"forward": 12_345_678, "training": 37_037_034}
    assert network["backend"] == "torch"
    assert network["device"] == {"name": "a100", "digest": "abcdef0123456789", "backend": "torch"}
    assert network["seconds"] == {"forward": 0.00123456, "training": 2e-5}
    assert network["elsewhere"] == {"permutations": 5e-6, "calls": 3e-6, "allocation": 0.0}
    assert network["traffic"] == {"forward": 5_120, "training": 16_384}
    assert network["elsewhere_bytes"] == {"forward": 1_024, "training": 4_096}
    assert [region["planner"] for region in network["regions"]] == ["exact", None]
    assert network["regions"][0]["seconds"] == 3e-6
    assert set(network["bytes"]) == {"parameters", "saved", "peak_forward", "peak_training"}
    assert {"name", "operands", "flops", "bytes", "largest_intermediate"} <= set(network["regions"][0])
    assert {"compression", "largest_intermediate"} <= set(network)


@pytest.mark.parametrize(
    ("metric", "relation", "bound", "kept"),
    [
        ("params", "<=", 164, True),
        ("params", "<", 164, False),
        ("params", "==", 164, True),
        ("compression", ">=", 14_000, True),
        ("compression", ">", 15_000, False),
        ("forward_flops", "<=", 12e6, False),
        ("training_flops", "<=", 40e6, True),
        ("saved_bytes", "<=", 9 * 2**20, True),
        ("saved_bytes", "<", 9 * 2**20, False),
        ("peak_bytes", "<=", 19 * 2**20, False),
        ("peak_bytes", "<=", 20 * 2**20, True),
    ],
)
def test_budgets(metric: str, relation: str, bound: float, kept: bool) -> None:
    program = Program("layer", (), (), (), (), (Requirement(metric, relation, bound, None),))
    found = broken_budgets(program, REPORT, {})
    assert (not found) is kept
    assert [diagnostic.code for diagnostic in found] == ([] if kept else ["TN401"])


def test_a_broken_budget_speaks_with_the_author_and_tells_the_number() -> None:
    requirement = Requirement("saved_bytes", "<=", 2**20, "does not fit the watch")
    (found,) = broken_budgets(Program("layer", (), (), (), (), (requirement,)), REPORT, {})
    assert found.message == "does not fit the watch"
    assert found.label == "it is 9.00 MiB"
    assert found.help == "`saved_bytes` of the plan is 9.00 MiB, required is `saved_bytes <= 1.00 MiB`"


def test_budgets_without_a_value() -> None:
    compression = Requirement("compression", ">=", 1, None)
    time = Requirement("step_time", "<=", 1e-3, None, device="h1000")
    found = broken_budgets(
        Program("layer", (), (), (), (), (compression, time)),
        replace(REPORT, compression=None),
        {time: Unpredicted("no device `h1000` is known", "did you mean `h100`?")},
    )
    assert [diagnostic.code for diagnostic in found] == ["TN402", "TN402"]
    assert found[1].message == "`step_time` cannot be predicted: no device `h1000` is known"
    assert found[1].help == "did you mean `h100`?"


@pytest.mark.parametrize(("seconds", "kept"), [(1.9e-3, True), (2.1e-3, False)])
def test_a_budget_on_the_time_of_a_step(seconds: float, kept: bool) -> None:
    requirement = Requirement("step_time", "<=", 2e-3, None, device="h100", sizes=(("batch", 128),))
    program = Program("layer", (), (), (), (), (requirement,))
    found = broken_budgets(program, REPORT, {requirement: seconds})
    message = 'network `layer` breaks its budget `step_time("h100", batch = 128) <= 2.00 ms`'
    assert [diagnostic.message for diagnostic in found] == ([] if kept else [message])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (grouped(0), "0"),
        (grouped(1_234_567), "1 234 567"),
        (flops_text(999), "999"),
        (flops_text(1_000), "1.00 k"),
        (flops_text(999_999), "1.00 M"),
        (flops_text(12_340_000_000), "12.3 G"),
        (bytes_text(0), "0 B"),
        (bytes_text(1023), "1023 B"),
        (bytes_text(1024), "1.00 KiB"),
        (bytes_text(123 * 2**30), "123 GiB"),
        (seconds_text(0.0), "0 ns"),
        (seconds_text(1.5e-8), "15 ns"),
        (seconds_text(1e-6), "1.00 µs"),
        (seconds_text(9.996e-5), "100 µs"),
        (seconds_text(9.999e-4), "1.00 ms"),
        (seconds_text(0.0234), "23.4 ms"),
        (seconds_text(12.34), "12.3 s"),
        (ratio_text(0.5), "0.50×"),
        (ratio_text(14_386.1), "14 386×"),
        (plural(1, "core"), "1 core"),
        (plural(2_000, "core"), "2 000 cores"),
    ],
)
def test_units(text: str, expected: str) -> None:
    assert text == expected
