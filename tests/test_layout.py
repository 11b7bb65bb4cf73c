"""What is in the repository is what is installed, and generated or foreign names shadow nothing."""

from __future__ import annotations

import tomllib
from pathlib import Path

import tnc

ROOT = Path(__file__).parent.parent
ELSEWHERE = {"backends": ROOT / "backends", "errors": ROOT / "docs" / "errors", "grammar": ROOT / "grammar"}
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def packages_on_disk() -> set[str]:
    homes = {"tnc": ROOT / "tnc", **{f"tnc.{name}": home for name, home in ELSEWHERE.items()}}
    found: set[str] = set()
    for name, home in homes.items():
        for file in home.rglob("__init__.py"):
            relative = file.parent.relative_to(home)
            if relative.parts[:1] not in {(name,) for name in ELSEWHERE} or name != "tnc":
                found.add(".".join([name, *relative.parts]))
    return found


def test_every_package_is_installed() -> None:
    assert set(PROJECT["tool"]["setuptools"]["packages"]) == packages_on_disk()


def test_the_version_is_stated_once_in_effect() -> None:
    assert PROJECT["project"]["version"] == tnc.__version__


def test_symlinks_for_the_tools_are_there() -> None:
    assert {name: (ROOT / "tnc" / name).resolve() for name in ELSEWHERE} == ELSEWHERE


def test_no_module_shadows_a_framework() -> None:
    names = {path.stem for folder in ("tnc", "backends", "examples") for path in (ROOT / folder).rglob("*.py")}
    assert names & {"torch", "jax", "numpy", "optax", "sklearn"} == set()


def test_every_constraint_is_a_plain_pin() -> None:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").split()
    assert lines == sorted(lines, key=str.lower)
    assert [line for line in lines if line.count("==") != 1 or "/" in line or "+" in line] == []


def test_the_public_names() -> None:
    names = {"CompileError", "Network", "Report", "__version__", "einsum_program", "load", "loads", "render"}
    assert set(tnc.__all__) == names
    assert all(getattr(tnc, name) is not None for name in names)
    assert names <= set(dir(tnc))
