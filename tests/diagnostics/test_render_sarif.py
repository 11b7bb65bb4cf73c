"""What the SARIF 2.1.0 schema requires, written out: the schema itself is not at hand without a network."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tnc import __version__
from tnc.cli import main
from tnc.diagnostics import CATALOGUE, Diagnostic, Label, diagnostics_to_sarif
from tnc.source import Source, Span

Json = dict[str, Any]

BROKEN = """network n() {
  core a(2, 3)
  core b(4)
  core unused(2)
  output w(i) = a(i, j) * b(j)
  output v(i) = nope(i)
}
"""


def check_text(text: Json, *, empty: bool = False) -> None:
    assert set(text) == {"text"}
    assert isinstance(text["text"], str)
    assert empty or text["text"]


def check_location(location: Json) -> None:
    assert set(location) == {"physicalLocation", "message"}
    check_text(location["message"], empty=True)
    physical = location["physicalLocation"]
    assert set(physical) == {"artifactLocation", "region"}
    uri = physical["artifactLocation"]["uri"]
    assert uri.isascii()
    assert not {" ", "<", ">", "\\"} & set(uri)
    region = physical["region"]
    assert set(region) == {"startLine", "startColumn", "endLine", "endColumn"}
    assert all(type(value) is int and value >= 1 for value in region.values())
    assert (region["startLine"], region["startColumn"]) <= (region["endLine"], region["endColumn"])


def check_log(log: Json) -> None:
    """The required properties of a log, run, tool, driver, rule and result, with their types and ranges."""
    assert set(log) == {"$schema", "version", "runs"}
    assert log["version"] == "2.1.0"
    assert log["$schema"].endswith("sarif-schema-2.1.0.json")
    (run,) = log["runs"]
    assert set(run) == {"tool", "invocations", "columnKind", "results"}
    assert run["columnKind"] == "unicodeCodePoints"
    assert [set(invocation) for invocation in run["invocations"]] == [{"executionSuccessful"}]
    assert run["invocations"][0]["executionSuccessful"] is True
    assert set(run["tool"]) == {"driver"}
    driver = run["tool"]["driver"]
    assert set(driver) == {"name", "version", "rules"}
    assert (driver["name"], driver["version"]) == ("tnc", __version__)
    ids = [rule["id"] for rule in driver["rules"]]
    assert len(ids) == len(set(ids))
    for rule in driver["rules"]:
        assert set(rule) == {"id", "shortDescription", "help"}
        assert rule["shortDescription"]["text"] == CATALOGUE[rule["id"]]
        check_text(rule["help"])
    for result in run["results"]:
        assert set(result) == {"ruleId", "ruleIndex", "level", "message", "locations", "relatedLocations"}
        assert ids[result["ruleIndex"]] == result["ruleId"]
        assert result["level"] in {"none", "note", "warning", "error"}
        check_text(result["message"])
        for location in (*result["locations"], *result["relatedLocations"]):
            check_location(location)


def test_a_file_with_errors_and_warnings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my net.tn").write_text(BROKEN, encoding="utf-8")
    assert main(["check", "--format", "sarif", "my net.tn"]) == 1
    out, err = capsys.readouterr()
    assert err == ""
    log: Json = json.loads(out)
    check_log(log)
    results = log["runs"][0]["results"]
    assert [(r["ruleId"], r["level"]) for r in results] == [("TN301", "error"), ("TN201", "error")]
    conflict = results[0]
    place = conflict["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"] == "my%20net.tn"
    assert place["region"] == {"startLine": 5, "startColumn": 29, "endLine": 5, "endColumn": 30}
    assert len(conflict["relatedLocations"]) == 1
    assert conflict["message"]["text"].startswith("the leg `j` has two dimensions, 3 and 4\n")


def test_warnings_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "n.tn"
    file.write_text("network n() {\n core a(2)\n core b(2)\n output w(i) = a(i)\n}", encoding="utf-8")
    assert main(["check", "--format", "sarif", str(file)]) == 0
    log: Json = json.loads(capsys.readouterr().out)
    check_log(log)
    assert [r["level"] for r in log["runs"][0]["results"]] == ["warning"]
    assert log["runs"][0]["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == file.as_uri()
    assert main(["check", "--format", "sarif", "--deny", "all", str(file)]) == 1
    assert [r["level"] for r in json.loads(capsys.readouterr().out)["runs"][0]["results"]] == ["error"]


def test_nothing_wrong_and_nothing_to_point_at() -> None:
    check_log(json.loads(json.dumps(diagnostics_to_sarif([], __version__))))
    source = Source("<stdin>", "ab\ncdé")
    found = [
        Diagnostic("TN001", "there is no file `x`"),
        Diagnostic("TN201", "m", Span(source, 6, 6), labels=(Label(Span(source, 0, 2), "first"),)),
        Diagnostic("TN201", "m", Span(source, 3, 6), help="do this"),
    ]
    log: Json = json.loads(json.dumps(diagnostics_to_sarif(found, __version__)))
    check_log(log)
    first, second, third = log["runs"][0]["results"]
    assert first["locations"] == []
    assert second["relatedLocations"][0]["message"]["text"] == "first"
    assert third["message"]["text"] == "m\ndo this"
    assert third["locations"][0]["physicalLocation"]["region"]["endColumn"] == 4


@pytest.mark.parametrize("broken", ['{"version": "2.1"}', '{"runs": []}', '{"runs": [{"tool": {}}]}', '{"extra": 1}'])
def test_the_check_can_fail(broken: str) -> None:
    log: Json = json.loads(json.dumps(diagnostics_to_sarif([], __version__)))
    with pytest.raises((AssertionError, ValueError, KeyError)):
        check_log(log | json.loads(broken))


def test_other_commands_print_no_sarif(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", "--format", "sarif", "x.tn"]) == 2
    assert "unknown value `sarif` of `--format`" in capsys.readouterr().err
