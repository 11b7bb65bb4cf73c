"""What a user gets: the source distribution, and the wheel built from it, hold language, backends and types."""

from __future__ import annotations

import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
BUILD = "import setuptools.build_meta as backend, sys\nbackend.build_{kind}(sys.argv[1])\n"


def build(kind: str, folder: Path, out: Path) -> Path:
    subprocess.run(
        [sys.executable, "-c", BUILD.format(kind=kind), str(out)], cwd=folder, capture_output=True, check=True
    )
    (built,) = out.iterdir()
    return built


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The unpacked source distribution, built from the files of the checkout that git would deliver."""
    checkout, out, unpacked = (tmp_path_factory.mktemp(name) for name in ("checkout", "sdist", "unpacked"))
    ignored = {".git", ".venv", "build", "dist", "out"}
    entries = [str(path.relative_to(ROOT)) for path in ROOT.iterdir() if path.name not in ignored]
    subprocess.run(["cp", "-a", *entries, str(checkout)], cwd=ROOT, check=True)
    with tarfile.open(build("sdist", checkout, out)) as archive:
        archive.extractall(unpacked, filter="data")
    (folder,) = unpacked.iterdir()
    return folder


@pytest.fixture(scope="module")
def wheel(sources: Path, tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """Names of what the wheel holds."""
    with zipfile.ZipFile(build("wheel", sources, tmp_path_factory.mktemp("wheel"))) as archive:
        return set(archive.namelist())


def files(folder: str) -> set[str]:
    """All files under a folder of the checkout, without what Python leaves there."""
    found = (path for path in (ROOT / folder).rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return {str(path.relative_to(ROOT / folder)) for path in found}


def package_folders() -> dict[str, str]:
    """Packages that stand in a folder of their own, and where: what the links in `tnc/` show a second time."""
    with (ROOT / "pyproject.toml").open("rb") as file:
        folders: dict[str, str] = tomllib.load(file)["tool"]["setuptools"]["package-dir"]
    return folders


def test_the_wheel_holds_every_file_of_the_package_and_nothing_else(wheel: set[str]) -> None:
    own = {name for name in wheel if ".dist-info/" not in name}
    mapped = {package: folder for package, folder in package_folders().items() if package != "tnc"}
    links = tuple(f"{package.removeprefix('tnc.')}/" for package in mapped)
    package = {f"tnc/{name}" for name in files("tnc") if not name.startswith(links)}
    for name, folder in mapped.items():
        package |= {f"{name.replace('.', '/')}/{inner}" for inner in files(folder)}
    assert own == package
    assert {"tnc/grammar/tn.lark", "tnc/grammar/std/mera.tn", "tnc/backends/torch_source.py", "tnc/py.typed"} <= own
    assert {"tnc/errors/TN001.md", "tnc/errors/__init__.py"} <= own
    assert any(name.endswith("licenses/LICENSE") for name in wheel)


def test_the_sources_hold_what_the_tests_need(sources: Path) -> None:
    for name in (
        "grammar/tn.lark",
        "backends/torch_source.py",
        "tests/conftest.py",
        "examples/vgg16.tn",
        "docs/language.md",
    ):
        assert (sources / name).is_file()
    for name in ("LICENSE", "Makefile", "constraints.txt", "CHANGELOG.md", "README.md", "pyproject.toml"):
        assert (sources / name).is_file()
    unpacked = {str(path.relative_to(sources / "tests")) for path in (sources / "tests").rglob("*") if path.is_file()}
    assert files("tests") <= unpacked


def test_the_licence_is_whole() -> None:
    text = (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert text.lstrip().startswith("Apache License")
    assert "END OF TERMS AND CONDITIONS" in text
    assert [f"{number}. " in text for number in range(1, 10)] == [True] * 9
