"""The core runs on its dependencies alone; what needs more names the extra to install, and `all` has every extra."""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from functools import cache
from importlib.metadata import packages_distributions, requires

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import tnc
from tests import without_packages
from tests.test_layout import ROOT
from tnc.cli.main import SUBCOMMANDS
from tnc.extras import EXTRAS

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
DEPENDENCIES: list[str] = PROJECT["dependencies"]
OPTIONAL: dict[str, list[str]] = PROJECT["optional-dependencies"]


def closure(requirements: list[str]) -> set[str]:
    """The distributions that requirements bring, with everything that those require."""
    found: set[str] = set()
    waiting = [Requirement(text) for text in requirements]
    while waiting:
        requirement = waiting.pop()
        name = canonicalize_name(requirement.name)
        if name not in found and (requirement.marker is None or requirement.marker.evaluate({"extra": ""})):
            found.add(name)
            waiting += map(Requirement, requires(name) or ())
    return found


def of_extra(extra: str) -> list[str]:
    """The requirements of an extra, those of extras that it names included."""
    found: list[str] = []
    for text in OPTIONAL[extra]:
        requirement = Requirement(text)
        if requirement.name == PROJECT["name"]:
            found += [further for name in requirement.extras for further in of_extra(name)]
        else:
            found.append(text)
    return found


def beyond(requirements: list[str]) -> frozenset[str]:
    """The top-level modules of everything installed that requirements do not bring."""
    kept = closure(requirements) | {"pip", "setuptools", "tnc-lang"}
    return frozenset(
        module
        for module, distributions in packages_distributions().items()
        if not kept & {canonicalize_name(name) for name in distributions}
    )


@cache
def outcomes(hidden: frozenset[str]) -> dict[str, tuple[int, str]]:
    done = subprocess.run(
        [sys.executable, "-m", "tests.without_packages", *sorted(hidden)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, tuple[int, str]] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize("extra", ["", "torch", "jax", "graph", "all"])
def test_what_is_missing_is_named(extra: str) -> None:
    """With the dependencies and one extra installed, and nothing else."""
    hidden = beyond([*DEPENDENCIES, *(of_extra(extra) if extra else ())])
    for case, (code, error) in outcomes(hidden).items():
        needed = without_packages.NEEDS.get(case)
        if needed in hidden:
            assert code == 2, (case, error)
            assert f"`{needed}` is not installed" in error
            assert f"pip install 'tnc-lang[{EXTRAS[str(needed)]}]'" in error
            assert "Traceback" not in error
        else:
            assert code == 0, (case, error)


def test_something_is_missing_without_an_extra() -> None:
    hidden = beyond(DEPENDENCIES)
    assert {"torch", "jax", "networkx", "safetensors"} <= hidden
    assert not {"numpy", "lark", "cotengra", "opt_einsum", "tnc"} & hidden


def test_every_command_and_name_is_tried() -> None:
    cases = outcomes(beyond(of_extra("all") + DEPENDENCIES))
    commands = {case.split()[0] for case in cases}
    assert {command.__name__.rpartition(".")[2] for command in SUBCOMMANDS} <= commands
    names = {case.partition("(")[0] for case in cases}
    assert set(tnc.__all__) <= names
    assert {name for name in dir(tnc.Network) if not name.startswith("_")} <= names


def test_every_extra_of_the_table_exists_and_is_part_of_all() -> None:
    everything = {Requirement(text).name for text in of_extra("all")}
    for module, extra in EXTRAS.items():
        brought = closure(of_extra(extra))
        assert {canonicalize_name(name) for name in packages_distributions()[module]} <= brought
        assert {Requirement(text).name for text in of_extra(extra)} <= everything


def test_an_import_that_no_extra_brings_is_named_itself() -> None:
    from tnc.modules import module_of_source

    with pytest.raises(tnc.CompileError, match=r"TN024.*`no_such_framework` is not installed") as caught:
        module_of_source("n", "other", "import no_such_framework.core\n")
    assert "`pip install no_such_framework`" in str(caught.value)
