from __future__ import annotations

import importlib.metadata
import subprocess
import sys

import pytest

from tnc.codegen import BACKENDS, Emitter, emitter
from tnc.diagnostics import CompileError
from tnc.ir.schedule import Plan


class Echo:
    """A backend from elsewhere."""

    def emit(self, plan: Plan) -> str:
        return plan.program_name


def broken() -> Emitter:
    raise RuntimeError("no luck")


def _offer(monkeypatch: pytest.MonkeyPatch, *offers: tuple[str, str]) -> None:
    points = [importlib.metadata.EntryPoint(name, value, "tnc.backends") for name, value in offers]

    def entry_points(group: str) -> importlib.metadata.EntryPoints:
        return importlib.metadata.EntryPoints(points).select(group=group)

    monkeypatch.setattr(importlib.metadata, "entry_points", entry_points)


def test_ours_are_found_and_are_emitters() -> None:
    for name in BACKENDS:
        assert isinstance(emitter(name), Emitter)


def test_a_plugin_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    _offer(monkeypatch, ("echo", f"{__name__}:Echo"), ("torch", "nowhere:nothing"))
    assert isinstance(emitter("echo"), Echo)
    assert type(emitter("torch")).__name__ == "TorchEmitter"


@pytest.mark.parametrize(
    ("offers", "message"),
    [
        ([], "there is no backend `echo`"),
        ([("echo", "a:b"), ("echo", "c:d")], "several packages offer a backend `echo`: `a:b`, `c:d`"),
        ([("echo", "no_such_package:Echo")], "does not load: ModuleNotFoundError"),
        ([("echo", "tnc:Echo")], "does not load: AttributeError"),
        ([("echo", "SELF:broken")], "does not load: RuntimeError: no luck"),
        ([("echo", "builtins:int")], "has no method `emit`"),
    ],
)
def test_what_cannot_be_had_is_told(
    offers: list[tuple[str, str]], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    _offer(monkeypatch, *((name, value.replace("SELF", __name__)) for name, value in offers))
    with pytest.raises(CompileError) as caught:
        emitter("echo")
    (diagnostic,) = caught.value.diagnostics
    assert diagnostic.code == "TN010"
    assert message in diagnostic.message


def test_known_names_are_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    _offer(monkeypatch, ("echo", "a:b"))
    with pytest.raises(CompileError) as caught:
        emitter("tensorflow")
    assert caught.value.diagnostics[0].help == "there are `echo`, `jax`, `numpy`, `torch`"


def test_emitting_imports_no_framework() -> None:
    code = """if True:
        import sys, tnc.codegen
        assert all(tnc.codegen.emitter(name) for name in tnc.codegen.BACKENDS)
        assert not {"torch", "jax"} & sys.modules.keys()
    """
    subprocess.run([sys.executable, "-c", code], check=True)
