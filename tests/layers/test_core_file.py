"""Files of cores: headers are values, and a file that contradicts itself is refused."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tnc
from tests.layers.stored import SMALL, Parts
from tests.requirements import package
from tnc.diagnostics import CompileError, Diagnostic
from tnc.ir import digest
from tnc.layers.core_file import FORMAT, KEY, CoreHeader, StoredNetwork, compiled, from_header, open_core_file
from tnc.layers.tensor_file import TensorSpec, open_tensors, write_tensors
from tnc.options import Options


@pytest.fixture(name="parts")
def two_layers() -> Parts:
    parts = Parts()
    parts.add_layer("a", (6, 4))
    parts.add_layer("b.c", (3, 5), seed=1, padding_row=2)
    parts.add_tensor("a.bias", np.arange(6.0))
    return parts


def diagnostics(action: Callable[[], object]) -> list[Diagnostic]:
    with pytest.raises(CompileError) as caught:
        action()
    return list(caught.value.diagnostics)


def opened(path: Path) -> CoreHeader:
    with open_core_file(path) as file:
        return file.header


def all_compiled(path: Path) -> None:
    with open_core_file(path) as file:
        for network in file.header.networks:
            compiled(file, network, Options())


def rewritten(path: Path, change: Callable[[dict[str, Any]], object]) -> Path:
    """The same file with other JSON in its header."""
    with open_tensors(path) as file:
        content = json.loads(file.metadata[KEY])
        change(content)
        metadata = {KEY: json.dumps(content)}
        tensors = {name: bytes(file.read(name)) for name in file.tensors}
        write_tensors(path, metadata, file.tensors, lambda name: [tensors[name]])
    return path


def test_what_is_written_is_read(parts: Parts, tmp_path: Path) -> None:
    path = parts.write(tmp_path / "a.safetensors")
    header = opened(path)
    assert header.networks == parts.header.networks
    assert [replace(layer, checksum="") for layer in header.layers] == parts.layers
    assert from_header(path, header.to_header()) == header
    with open_core_file(path) as file:
        assert file.others == ("a.bias",)
    all_compiled(path)


def test_files_are_equal_to_the_byte(parts: Parts, tmp_path: Path) -> None:
    one, two = parts.write(tmp_path / "one"), parts.write(tmp_path / "two")
    assert one.read_bytes() == two.read_bytes()


def test_the_package_reads_cores_and_header_where_tnc_is_not_installed(parts: Parts, tmp_path: Path) -> None:
    package("safetensors")
    path = parts.write(tmp_path / "a.safetensors")
    program = (
        "import json, sys\n"
        "sys.modules['tnc'] = None\n"
        "from safetensors import safe_open\n"
        "with safe_open(sys.argv[1], 'np') as file:\n"
        "    header = json.loads(file.metadata()['tnc'])\n"
        "    cores = header['layers'][1]['cores']\n"
        "    print(json.dumps([{key: file.get_tensor(name).tolist() for key, name in cores.items()},\n"
        "                      header['networks'][1]['text']]))\n"
    )
    done = subprocess.run([sys.executable, "-c", program, str(path)], capture_output=True, text=True, check=True)
    cores, text = json.loads(done.stdout)
    assert text == parts.header.networks[1].text
    with open_core_file(path) as file:
        for key, name in file.header.layers[1].cores:
            assert np.array_equal(np.asarray(cores[key], np.float32), file.tensors.array(name))


def test_every_value_of_the_header_is_a_string(parts: Parts) -> None:
    assert all(isinstance(value, str) for value in parts.header.to_header().values())


def test_a_safetensors_file_of_others_is_foreign(tmp_path: Path) -> None:
    write_tensors(tmp_path / "a", {"format": "pt"}, {"a": TensorSpec("F32", (1,))}, lambda _: [bytes(4)])
    (found,) = diagnostics(lambda: opened(tmp_path / "a"))
    assert found.code == "TN051"
    assert found.message == f"`{tmp_path / 'a'}` is not a file of cores: its header has no `tnc`"


def test_a_newer_format_names_the_version_that_reads_it(parts: Parts, tmp_path: Path) -> None:
    path = parts.write(tmp_path / "a")
    rewritten(path, lambda content: content.update(format=FORMAT + 1, version="9.1", layers="otherwise"))
    (found,) = diagnostics(lambda: opened(path))
    assert found.code == "TN052"
    assert found.help == "install tnc 9.1 or later, which wrote it"


def test_fields_that_a_later_version_adds_are_ignored(parts: Parts, tmp_path: Path) -> None:
    path = rewritten(parts.write(tmp_path / "a"), lambda content: content["layers"][0].update(colour="blue"))
    assert len(opened(path).layers) == 2


CHANGES: dict[str, Callable[[dict[str, Any]], object]] = {
    "is malformed": lambda content: content.pop("layers"),
    "malformed: it is not an object": lambda content: content["layers"].append(1),
    "malformed: `shape` has": lambda content: content["networks"][0].update(shape=[0]),
    "malformed: `cores` has": lambda content: content["layers"][0].update(cores={"a": 1}),
    "required positional argument": lambda content: content["layers"][0].pop("weight"),
    "the weight `a.weight` is there twice": lambda content: content["layers"][1].update(weight="a.weight"),
    "unknown mode `both`": lambda content: content["layers"][1].update(mode="both"),
    "which is missing": lambda content: content["networks"].pop(),
    "lacks the tensor `lost`": lambda content: content["layers"][0]["cores"].update(left="lost"),
    "not those that were saved": lambda content: content["layers"][0]["cores"].update(left="b.c.cores.left"),
}


@pytest.mark.parametrize("reason", CHANGES)
def test_headers_that_contradict_themselves(reason: str, parts: Parts, tmp_path: Path) -> None:
    path = rewritten(parts.write(tmp_path / "a"), CHANGES[reason])
    found = diagnostics(lambda: opened(path))
    assert {each.code for each in found} == {"TN053"}
    assert reason in found[0].message


def test_all_contradictions_are_reported(parts: Parts, tmp_path: Path) -> None:
    path = rewritten(parts.write(tmp_path / "a"), lambda content: [each.update(mode="?") for each in content["layers"]])
    assert len(diagnostics(lambda: opened(path))) == 2


def test_a_changed_core_is_noticed(parts: Parts, tmp_path: Path) -> None:
    """One bit, anywhere in a core."""
    path = parts.write(tmp_path / "a")
    content = bytearray(path.read_bytes())
    position = content.index(parts.tensors["b.c.cores.left"][1])
    content[position + 5] ^= 1
    path.write_bytes(content)
    (found,) = diagnostics(lambda: opened(path))
    assert found.message.endswith("the cores of layer `b.c` are not those that were saved")


@pytest.mark.parametrize(("old", "new"), [("tanh", "relu"), ("(2, 6)", "(2, 7)"), ("network", "nutwork")])
def test_a_changed_text_is_noticed(old: str, new: str, parts: Parts, tmp_path: Path) -> None:
    assert old in parts.header.networks[0].text
    path = parts.write(tmp_path / "a")
    rewritten(path, lambda content: content["networks"][0].update(text=parts.header.networks[0].text.replace(old, new)))
    found = diagnostics(lambda: all_compiled(path))
    assert found[0].code == "TN053"
    assert ("is not the one" in found[0].message) == (old != "network")


def test_a_network_of_another_shape_is_refused(parts: Parts, tmp_path: Path) -> None:
    path = rewritten(parts.write(tmp_path / "a"), lambda content: content["networks"][0].update(shape=[4, 6]))
    (found,) = diagnostics(lambda: all_compiled(path))
    assert "has no weight of shape (4, 6)" in found.message


def test_a_network_with_inputs_is_refused(parts: Parts, tmp_path: Path) -> None:
    network = tnc.loads("network n() {\n  input x(2)\n  core a(2, 6, 4)\n  output w(i, j) = x(k) * a(k, i, j)\n}\n")
    key = digest(network.program)
    parts.networks = {key: StoredNetwork(network.expand(), key, (6, 4), "n")}
    parts.layers = [replace(parts.layers[0], network=key, cores=(("a", parts.add_tensor("x", np.ones((2, 6, 4)))),))]
    (found,) = diagnostics(lambda: all_compiled(parts.write(tmp_path / "a")))
    assert "has no weight" in found.message


def test_cores_of_another_network_are_refused(parts: Parts, tmp_path: Path) -> None:
    left = dict(parts.layers[0].cores)
    left["left"] = parts.add_tensor("other", np.ones((2, 5)))
    left["extra"] = left.pop("right")
    parts.layers[0] = replace(parts.layers[0], cores=tuple(left.items()))
    messages = [each.message for each in diagnostics(lambda: all_compiled(parts.write(tmp_path / "a")))]
    assert [message.partition(": ")[2] for message in messages] == [
        "core `other` has shape (2, 5), expected (2, 6)",
        "layer `a` lacks the core `right`",
        "layer `a` has no core `extra`",
    ]


def test_a_scalar_core_may_have_its_declared_shape(parts: Parts, tmp_path: Path) -> None:
    assert parts.tensors["a.cores.scale"][0].shape == (1,)
    parts.add_tensor("a.cores.scale", 2.0)
    all_compiled(parts.write(tmp_path / "a"))


def test_the_authors_text_is_kept(parts: Parts, tmp_path: Path) -> None:
    header = opened(parts.write(tmp_path / "a"))
    assert header.networks[0].source == SMALL
    assert header.networks[0].arguments == (("chi", 2),)
