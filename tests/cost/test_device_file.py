"""Profiles as files: what is found, and what is said of one that is broken."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from tnc.cli import main
from tnc.cost.device import GENERIC
from tnc.cost.device_file import (
    LARGEST,
    default_profile,
    find_profile,
    parse_profile,
    profile_text,
    shipped,
    user_folder,
)
from tnc.diagnostics import CompileError

NETWORK = "network n() {\n  core a(2, 3)\n  core b(3, 2)\n  output y(i, j) = a(i, k) * b(k, j)\n}\n"


def text_of(name: str = GENERIC) -> str:
    return files("tnc").joinpath("devices", f"{name}.json").read_text(encoding="utf-8")


def data_of(name: str = GENERIC) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(text_of(name))
    return found


def told(action: Callable[[], object]) -> tuple[str, str]:
    """The code of the one diagnostic, and its message."""
    with pytest.raises(CompileError) as caught:
        action()
    (diagnostic,) = caught.value.diagnostics
    return diagnostic.code, diagnostic.message


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    made = user_folder()
    made.mkdir(parents=True)
    return made


def test_what_is_shipped() -> None:
    assert shipped() == ("a100", "generic-cpu", "h100", "h200")
    assert find_profile(None) is default_profile()
    for name in shipped():
        profile = find_profile(name)
        assert (profile.name, profile.measured) == (name, False)
        data = data_of(name)
        # Whoever looks into the file sees where its figures are from, and which of them are from nowhere.
        assert data["sources"]
        assert data["assumed"]
        assert {"float32", "float64", "bfloat16", "float16"} <= {dtype for dtype, _ in profile.products}


def test_a_user_cannot_shadow_a_shipped_device(folder: Path) -> None:
    (folder / "h100.json").write_text("broken")
    assert find_profile("h100").title == "NVIDIA H100 SXM5 80 GB" or find_profile("h100").title.startswith(
        "NVIDIA H100"
    )


def test_names_and_paths(folder: Path, tmp_path: Path) -> None:
    text = profile_text({**data_of(), "name": "lab"})
    (folder / "lab.json").write_text(text)
    (tmp_path / "elsewhere.json").write_text(text)
    by_name = find_profile("lab")
    assert by_name == find_profile(str(tmp_path / "elsewhere.json"))
    # The digest is of the content, not of how it is laid out.
    assert parse_profile(json.dumps({**data_of(), "name": "lab"}), "x") == by_name


@pytest.mark.parametrize(
    "name", ["nowhere", "h10", "", "a b", "../generic-cpu", "x\0y", "none/there.json", "there.json"]
)
def test_devices_that_are_unknown(name: str) -> None:
    assert told(lambda: find_profile(name))[0] == "TN020"


def test_what_was_calibrated_is_among_the_known(folder: Path) -> None:
    (folder / "laboratory.json").write_text("{}")
    with pytest.raises(CompileError) as caught:
        find_profile("laboratry")
    assert caught.value.diagnostics[0].help == "did you mean `laboratory`?"


def test_a_directory_is_no_profile(tmp_path: Path) -> None:
    (tmp_path / "folder.json").mkdir()
    assert told(lambda: find_profile(str(tmp_path / "folder.json")))[0] == "TN020"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "it is no JSON"),
        (text_of().encode()[:200], "it is no JSON"),
        (b"\xff\xfe", "it is not UTF-8"),
        (b"[" * 100_000, "it is no JSON"),
        (b"[]", "the file is no object"),
        (b"7", "the file is no object"),
        (b"{}", "its `format` is not 1"),
        (b'{"format": "1"}', "its `format` is not 1"),
        (b" " * (LARGEST + 1), "bytes"),
    ],
)
def test_files_that_are_no_profiles(content: bytes, reason: str, tmp_path: Path) -> None:
    file = tmp_path / "a.json"
    file.write_bytes(content)
    code, message = told(lambda: find_profile(str(file)))
    assert code == "TN021"
    assert message.startswith(f"`{file}` is no device profile: ")
    assert reason in message


WRONG: dict[str, Any] = {
    "format": 2,
    "name": "a b",
    "title": "two\nlines",
    "measured": 1,
    "products": {"float8": {"peak": 1, "half_side": 2}},
    "alone": 0,
    "batch_seconds": -1,
    "bandwidth": [[2, 1], [1, 1]],
    "scatter": [[1, 1, 1]],
    "turn_seconds": True,
    "functions_per_second": 1e31,
    "call_seconds": {"forward": 1},
    "view_seconds": 1e-6,
    "fresh": [],
}


@pytest.mark.parametrize("field", WRONG)
@pytest.mark.parametrize("kind", ["missing", "wrong", "null", "text"])
def test_fields_that_are_missing_or_wrong(field: str, kind: str) -> None:
    data = data_of()
    if kind == "missing":
        del data[field]
    else:
        data[field] = {"wrong": WRONG[field], "null": None, "text": ""}[kind]
    code, message = told(lambda: parse_profile(json.dumps(data), "a.json"))
    assert code == "TN021"
    assert message.startswith("`a.json` is no device profile: ")


@pytest.mark.parametrize(
    ("rates", "reason"),
    [
        ({}, "`sides` is no list"),
        ({"peak": 1e9}, "`half_side` is no positive number"),
        ({"peak": 1e9, "half_side": 0}, "`half_side` is no positive number"),
        ({"sides": [2, 4], "long_rows": [[1, 1]]}, "`long_rows` is not a square"),
        ({"sides": [2, 4], "long_rows": [[1, 1], [1]]}, "`long_rows` is not a square"),
        ({"sides": [4, 2], "long_rows": []}, "does not ascend"),
        ({"sides": list(range(1, 2000))}, "`sides` is no list"),
    ],
)
def test_rates_that_are_wrong(rates: object, reason: str) -> None:
    data = {**data_of(), "products": {"float32": rates}}
    assert reason in told(lambda: parse_profile(json.dumps(data), "a.json"))[1]


def test_numbers_that_json_should_not_have() -> None:
    for number in ("NaN", "Infinity", "-Infinity", "1e999", "9" * 400):
        text = text_of().replace('"turn_seconds": ', f'"turn_seconds": {number}, "was": ')
        assert "`turn_seconds` is no positive number" in told(partial(parse_profile, text, "a.json"))[1]


def test_the_command_line_tells_in_a_line_and_exits_with_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "n.tn"
    file.write_text(NETWORK)
    broken = tmp_path / "broken.json"
    broken.write_text(text_of()[:500])
    for command in ("report", "compile", "explain", "bench"):
        assert main([command, str(file), "--device", str(broken)]) == 2
        out, err = capsys.readouterr()
        assert out == ""
        assert "error[TN021]" in err
    assert main(["report", str(file), "--device", "h1000"]) == 2
    assert "did you mean `h100`?" in capsys.readouterr().err
