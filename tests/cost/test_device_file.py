"""Profiles as files: what is found, and what is said of one that is broken."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from functools import partial
from importlib.resources import files
from pathlib import Path
from typing import Any, cast

import pytest

import tnc
from tnc.cli import main
from tnc.cost.device import GENERIC
from tnc.cost.device_file import (
    LARGEST,
    LARGEST_NUMBER,
    SMALLEST_NUMBER,
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
        # The file says where its figures are from, and which of them are assumptions.
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
        (b"", "it is not JSON"),
        (text_of().encode()[:200], "it is not JSON"),
        (b"\xff\xfe", "it is not UTF-8"),
        (b"[" * 100_000, "it is not JSON"),
        (b"[]", "the file is not an object"),
        (b"7", "the file is not an object"),
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
    assert message.startswith(f"`{file}` is not a device profile: ")
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
    assert message.startswith("`a.json` is not a device profile: ")


@pytest.mark.parametrize(
    ("rates", "reason"),
    [
        ({}, "`sides` is not a list"),
        ({"peak": 1e9}, "`half_side` is not a positive number"),
        ({"peak": 1e9, "half_side": 0}, "`half_side` is not a positive number"),
        ({"sides": [2, 4], "long_rows": [[1, 1]]}, "`long_rows` is not a square"),
        ({"sides": [2, 4], "long_rows": [[1, 1], [1]]}, "`long_rows` is not a square"),
        ({"sides": [4, 2], "long_rows": []}, "does not ascend"),
        ({"sides": list(range(1, 2000))}, "`sides` is not a list"),
    ],
)
def test_rates_that_are_wrong(rates: object, reason: str) -> None:
    data = {**data_of(), "products": {"float32": rates}}
    assert reason in told(lambda: parse_profile(json.dumps(data), "a.json"))[1]


@pytest.mark.parametrize(
    ("number", "reason"),
    [
        *(
            (number, "is not a positive number")
            for number in ("NaN", "Infinity", "-Infinity", "1e999", "0", "-0.0", "-1")
        ),
        *((number, "is not a positive number") for number in ('"1e9"', "true", "[1]", "{}", "null", "1e-999")),
        *((number, "is not between") for number in ("1e-320", "1e-19", "1e31", "1e308", "9" * 400)),
        ("9" * 5000, "it is not JSON"),
        ("1e", "it is not JSON"),
    ],
)
def test_numbers_that_no_device_has(number: str, reason: str) -> None:
    text = text_of().replace('"turn_seconds": ', f'"turn_seconds": {number}, "was": ')
    code, message = told(partial(parse_profile, text, "a.json"))
    assert code == "TN021"
    assert reason in message


@pytest.mark.parametrize("part", ["peak", "half_side"])
@pytest.mark.parametrize("number", [1e-320, 1e-19, 1e31])
def test_rates_that_no_device_has(part: str, number: float) -> None:
    data = {**data_of(), "products": {"float32": {"peak": 1e9, "half_side": 2, part: number}}}
    assert f"`{part}` is not between" in told(lambda: parse_profile(json.dumps(data), "a.json"))[1]


@pytest.mark.parametrize("text", ['{"format": 1, "format": 1}', '{"format": 1, "products": {"a": 1, "a": 2}}'])
def test_fields_that_are_given_twice(text: str) -> None:
    assert "it gives a field twice" in told(lambda: parse_profile(text, "a.json"))[1]


@pytest.mark.parametrize("version", [True, 1.0, "1", [1], None])
def test_versions_that_only_look_like_one(version: object) -> None:
    assert "its `format` is not 1" in told(lambda: parse_profile(json.dumps({**data_of(), "format": version}), "a"))[1]


def test_a_byte_order_mark_is_no_part_of_a_profile(tmp_path: Path) -> None:
    (tmp_path / "marked.json").write_text(text_of(), encoding="utf-8-sig")
    assert find_profile(str(tmp_path / "marked.json")) == find_profile(GENERIC)


@pytest.mark.parametrize("number", [SMALLEST_NUMBER, LARGEST_NUMBER])
def test_plans_for_devices_at_the_ends_of_what_is_allowed(number: float, tmp_path: Path) -> None:
    """Whatever such a profile says, times that are computed from it are numbers."""

    def extreme(data: Any, key: str) -> Any:
        if isinstance(data, dict):
            fields = cast("dict[str, Any]", data)
            return {name: extreme(value, name) for name, value in fields.items()}
        if key in ("bandwidth", "scatter"):
            return [[point, number] for point, _ in data]
        plain = isinstance(data, int | float) and not isinstance(data, bool) and key != "format"
        return number if plain else data

    (tmp_path / "a.json").write_text(json.dumps(extreme(data_of("h100"), "")))
    network = tnc.loads(NETWORK, device=str(tmp_path / "a.json"))
    json.dumps(network.report().to_dict(), allow_nan=False)
    assert "network n" in str(network.report())


# -- the user's folder -------------------------------------------------------------------------


@pytest.fixture(params=["a file", "too long", "a long part", "relative", "no permission", "a loop", "not UTF-8"])
def strange_folder(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home folder with the profile `lab`, and a value of XDG_CONFIG_HOME that leads to no folder."""
    home = tmp_path / "home" / ".config" / "tnc" / "devices"
    home.mkdir(parents=True)
    (home / "lab.json").write_text(text_of())
    (tmp_path / "file").touch()
    (tmp_path / "loop").symlink_to("loop")
    value = {
        "a file": str(tmp_path / "file"),
        "too long": "/" + "/".join(["d" * 100] * 60),
        "a long part": "/" + "d" * 300,
        "relative": "some/where",
        "no permission": "/proc/1/map_files",
        "a loop": str(tmp_path / "loop"),
        "not UTF-8": os.fsdecode(b"/\xff\xfe"),
    }[request.param]
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_CONFIG_HOME", value)
    return tmp_path


def test_a_folder_that_cannot_be_read_knows_no_devices(strange_folder: Path) -> None:
    if os.environ["XDG_CONFIG_HOME"].startswith("/"):
        assert told(lambda: find_profile("lab"))[0] == "TN020"
    else:  # the specification: a path that is not absolute is to be ignored
        assert find_profile("lab") == find_profile(GENERIC)
    assert told(lambda: find_profile("nowhere"))[0] == "TN020"
    assert find_profile("h100").name == "h100"


@pytest.mark.parametrize("home", ["", "relative"])
def test_without_a_home_only_shipped_devices_are_known(home: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", "")
    monkeypatch.setenv("HOME", home)
    code, message = told(lambda: find_profile("h10"))
    assert (code, message) == ("TN020", "no device `h10` is known")
    if home == "relative":
        assert "there is no home folder" in told(user_folder)[1]


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
