"""Safetensors files: what the package of that name writes is read, and reads what is written; damage is reported."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.requirements import package
from tnc.diagnostics import CompileError, Diagnostic
from tnc.layers import tensor_file
from tnc.layers.tensor_file import TensorSpec, array_of, bytes_of, open_tensors, write_tensors


def refused(path: Path) -> Diagnostic:
    with pytest.raises(CompileError) as caught, open_tensors(path):
        pass
    (found,) = caught.value.diagnostics
    return found


def written(path: Path, header: object, data: bytes = b"") -> Path:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + data)
    return path


def entry(dtype: str = "F32", shape: object = (2,), offsets: tuple[int, int] = (0, 8)) -> dict[str, object]:
    return {"dtype": dtype, "shape": shape, "data_offsets": list(offsets)}


def test_what_the_package_writes_is_read(tmp_path: Path) -> None:
    torch, safetensors = package("torch"), package("safetensors.torch")
    tensors = {
        "half": torch.tensor([1.0, -3.140625], dtype=torch.bfloat16),
        "matrix": torch.arange(6, dtype=torch.float64).reshape(2, 3),
        "scalar": torch.tensor(2.5),
        "nothing": torch.zeros(0, 3),
        "number": torch.tensor([7]),
    }
    safetensors.save_file(tensors, tmp_path / "a.safetensors", {"who": "ä"})
    with open_tensors(tmp_path / "a.safetensors") as file:
        assert dict(file.metadata) == {"who": "ä"}
        assert set(file.tensors) == set(tensors)
        for name in ("half", "matrix", "scalar", "nothing"):
            assert np.array_equal(file.array(name), tensors[name].to(torch.float64).numpy())
        assert file.tensors["number"] == TensorSpec("I64", (1,))
        assert file.read("number") == (7).to_bytes(8, "little")


def test_the_package_reads_what_is_written(tmp_path: Path) -> None:
    torch, safetensors = package("torch"), package("safetensors")
    values = {"b": np.arange(3.0), "a": np.ones((2, 2)), "s": np.array(4.0), "none": np.zeros((0, 5))}
    specs = {name: TensorSpec("BF16" if name == "b" else "F32", value.shape) for name, value in values.items()}
    size = write_tensors(tmp_path / "a", {"tnc": "x"}, specs, lambda name: [bytes_of(values[name], specs[name].dtype)])
    assert size == (tmp_path / "a").stat().st_size
    with safetensors.safe_open(tmp_path / "a", "pt") as file:
        assert file.metadata() == {"tnc": "x"}
        assert set(file.keys()) == set(values)
        for name, value in values.items():
            assert torch.equal(file.get_tensor(name).double(), torch.as_tensor(value).double())
            assert file.get_tensor(name).dtype == (torch.bfloat16 if name == "b" else torch.float32)


def test_bfloat16_rounds_as_torch_does() -> None:
    torch = package("torch")
    bits = np.random.default_rng(0).integers(0, 2**32, 100_000, dtype=np.uint32)
    edges = np.array([0x7F7FFFFF, 0x7F800000, 0x7F800001, 0xFFFFFFFF, 0x3F808000, 0x3F818000, 1, 0], np.uint32)
    values = np.concatenate([bits, edges]).view(np.float32)
    ours = array_of(TensorSpec("BF16", values.shape), bytes_of(values, "BF16"))
    theirs = torch.as_tensor(values).bfloat16().float().numpy()
    assert np.array_equal(ours, theirs, equal_nan=True)


def test_every_dtype_has_the_size_that_the_package_gives_it(tmp_path: Path) -> None:
    torch, safetensors = package("torch"), package("safetensors.torch")
    kinds = (torch.float8_e4m3fn, torch.float8_e5m2, torch.bool, torch.int16, torch.uint32, torch.complex64)
    safetensors.save_file({str(kind): torch.zeros(3, dtype=kind) for kind in kinds}, tmp_path / "a")
    with open_tensors(tmp_path / "a") as file:
        assert {name: file.tensors[name].size for name in file.tensors} == {
            str(kind): 3 * torch.zeros(1, dtype=kind).element_size() for kind in kinds
        }


def test_a_file_that_is_cut_anywhere_is_refused(tmp_path: Path) -> None:
    specs = {"a": TensorSpec("F32", (5,)), "b": TensorSpec("F16", (3,))}
    whole = tmp_path / "whole"
    write_tensors(whole, {"tnc": "x"}, specs, lambda name: [bytes(specs[name].size)])
    content = whole.read_bytes()
    for length in range(len(content)):
        (tmp_path / "cut").write_bytes(content[:length])
        assert refused(tmp_path / "cut").code == "TN050"
    (tmp_path / "cut").write_bytes(content + b"\0")
    assert refused(tmp_path / "cut").message.endswith("1 bytes follow")
    with open_tensors(whole):
        pass


@pytest.mark.parametrize(
    ("header", "data", "reason"),
    [
        (b"[]", b"", "not a JSON object"),
        (b"\xff", b"", "not a JSON object"),
        (b"[" * 100_000, b"", "not a JSON object"),
        (b'{"a": 1, "a": 2}', b"", "not a JSON object"),
        ({"__metadata__": []}, b"", "not an object"),
        ({"__metadata__": {"a": 1}}, b"", "not strings"),
        ({"a": 1}, b"", "describes no tensor"),
        ({"a": entry("F33")}, bytes(8), "no dtype or shape"),
        ({"a": entry(shape=[-2])}, bytes(8), "no dtype or shape"),
        ({"a": entry(shape=[2.0])}, bytes(8), "no dtype or shape"),
        ({"a": entry(shape=[3])}, bytes(8), "12 bytes, and a place for 8"),
        ({"a": entry(offsets=(-8, 0))}, bytes(8), "a place"),
        ({"a": entry(), "b": entry(offsets=(4, 12))}, bytes(12), "does not begin where another ends"),
        ({"a": entry(), "b": entry(offsets=(12, 20))}, bytes(20), "does not begin where another ends"),
        ({"a": entry()}, bytes(4), "4 bytes are missing"),
    ],
)
def test_headers_that_are_none(header: object, data: bytes, reason: str, tmp_path: Path) -> None:
    found = refused(written(tmp_path / "a", header, data))
    assert found.code == "TN050"
    assert reason in found.message


def test_a_header_of_terabytes_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes((2**40).to_bytes(8, "little") + b"{}")
    assert "length of a header" in refused(tmp_path / "a").message


def test_what_cannot_be_opened(tmp_path: Path) -> None:
    assert refused(tmp_path / "none").code == "TN001"
    assert refused(tmp_path).message == f"`{tmp_path}` is a directory, not a file"


def test_large_tensors_come_in_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tensor_file, "CHUNK", 1000)
    spec = {"a": TensorSpec("U8", (2500,))}
    content = os.urandom(2500)
    write_tensors(tmp_path / "a", {}, spec, lambda _: [content[:7], content[7:]])
    with open_tensors(tmp_path / "a") as file:
        parts = list(file.chunks("a"))
        assert [len(part) for part in parts] == [1000, 1000, 500]
        assert b"".join(parts) == content


def test_a_failure_leaves_the_old_file(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"old")
    spec = {"a": TensorSpec("U8", (4,)), "b": TensorSpec("U8", (4,))}

    def failing(name: str) -> Iterator[bytes]:
        yield bytes(4)
        if name == "b":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_tensors(tmp_path / "a", {}, spec, failing)
    with pytest.raises(ValueError, match="tensor `a` has 4 bytes, not 3"):
        write_tensors(tmp_path / "a", {}, spec, lambda _: [bytes(3)])
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
    assert (tmp_path / "a").read_bytes() == b"old"


KILLED = """
import os, signal, sys
from tnc.layers.tensor_file import TensorSpec, write_tensors

def content(name):
    yield bytes(2**20)
    if name == "b":
        os.kill(os.getpid(), getattr(signal, sys.argv[2]))
    yield bytes(2**20)

write_tensors(sys.argv[1], {}, {name: TensorSpec("U8", (2**21,)) for name in "abc"}, content)
"""


@pytest.mark.parametrize(("signal", "left"), [("SIGKILL", 1), ("SIGTERM", 0), ("SIGINT", 0), ("SIGHUP", 0)])
def test_a_kill_while_writing_leaves_the_old_file(signal: str, left: int, tmp_path: Path) -> None:
    """Nobody cleans up after SIGKILL; the other signals leave nothing."""
    target = tmp_path / "a.safetensors"
    target.write_bytes(b"old")
    done = subprocess.run([sys.executable, "-c", KILLED, str(target), signal], capture_output=True, check=False)
    assert done.returncode != 0
    assert target.read_bytes() == b"old"
    assert len(list(tmp_path.iterdir())) == 1 + left


def test_a_disk_that_is_full(tmp_path: Path) -> None:
    spec = {"a": TensorSpec("U8", (4,))}
    for place in (Path("/dev/full"), tmp_path / "none" / "a", tmp_path):
        with pytest.raises(CompileError, match="TN008"):
            write_tensors(place, {}, spec, lambda _: [bytes(4)])


def test_a_new_file_has_the_mode_of_the_old_one(tmp_path: Path) -> None:
    spec: dict[str, Any] = {"a": TensorSpec("U8", (4,))}
    (tmp_path / "a").write_bytes(b"old")
    (tmp_path / "a").chmod(0o640)
    (tmp_path / "link").symlink_to("a")
    write_tensors(tmp_path / "link", {}, spec, lambda _: [bytes(4)])
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o640
    assert (tmp_path / "a").read_bytes() != b"old"
