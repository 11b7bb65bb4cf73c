"""What a test needs beyond this package: without it the test fails in CI, and is skipped elsewhere with the reason.

CI sets `TNC_CI`, so that a test never drops out of its run unnoticed.
"""

from __future__ import annotations

import os
import shutil
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import pytest

CI = "TNC_CI"
"""The environment variable that turns skips into errors; `.ci/run` sets it."""


class MissingRequirementError(Exception):
    """Something that a test needs is not installed, on a machine that must have everything."""


def package(name: str) -> Any:
    """The imported module of an optional Python package; callable in a test, a fixture, or at the top of a file."""
    top = name.partition(".")[0]
    require(find_spec(top) is not None, f"the Python package `{top}` is not installed")
    return import_module(name)


def program(name: str) -> str:
    """The path of a program of the system, such as a compiler or a browser."""
    path = shutil.which(name)
    require(path is not None, f"the program `{name}` is not installed")
    return str(path)


def require(present: bool, reason: str) -> None:
    """Return if the requirement is met.

    Raises:
        MissingRequirementError: in CI, if it is not met.
        pytest.skip.Exception: elsewhere, if it is not met.
    """
    if present:
        return
    if os.environ.get(CI):
        raise MissingRequirementError(reason)
    pytest.skip(reason, allow_module_level=True)
