from __future__ import annotations

import json

from tnc.diagnostics import Diagnostic, Label, diagnostics_to_json
from tnc.source import Source, Span


def test_the_shape_of_the_contract() -> None:
    source = Source("a.tn", "ab\n𝄞cd\n")
    diagnostic = Diagnostic("TN301", "m", Span(source, 4, 6), "l", (Label(Span(source, 0, 3), "other"),), "h")
    assert diagnostics_to_json([diagnostic]) == {
        "diagnostics": [
            {
                "severity": "error",
                "code": "TN301",
                "message": "m",
                "help": "h",
                "file": "a.tn",
                "span": {"start": {"line": 2, "column": 2}, "end": {"line": 2, "column": 4}},
                "labels": [
                    {
                        "message": "other",
                        "file": "a.tn",
                        "span": {"start": {"line": 1, "column": 1}, "end": {"line": 2, "column": 1}},
                    }
                ],
            }
        ]
    }


def test_without_a_place_and_without_anything() -> None:
    (entry,) = diagnostics_to_json([Diagnostic("TN801", "m")])["diagnostics"]
    assert (entry["severity"], entry["file"], entry["span"], entry["help"]) == ("warning", None, None, None)
    assert json.dumps(diagnostics_to_json([])) == '{"diagnostics": []}'
