"""The machine that runs this process: its processor, and the operations of its frameworks."""

from __future__ import annotations

import os
import platform
from importlib.util import find_spec

from tnc.diagnostics import CompileError, Diagnostic
from tnc.measure.rounds import processors
from tnc.measure.runners import Machine, runner


def default_backend() -> str:
    """The backend that a machine is measured with if none is named: PyTorch's, or NumPy's where that is missing."""
    return "torch" if find_spec("torch") is not None else "numpy"


def this_machine(backend: str, threads: int | None) -> Machine:
    """The operations of a backend's framework.

    Raises:
        CompileError: TN010 if the backend is unknown, TN024 if its framework is not installed or does not load.
    """
    found = runner(backend)
    try:
        return found.machine(threads)
    except (ImportError, OSError) as error:
        reason = " ".join(str(error).split())[:200]
        message = f"this machine cannot be measured: {found.framework} is installed but does not load: {reason}"
        raise CompileError((Diagnostic("TN024", message, help=f"repair or remove {found.framework}"),)) from None


def processor() -> str:
    """The name of the processor and the number of its cores, and of those that this process may use."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:  # noqa: PTH123
            names = [line.partition(":")[2].strip() for line in file if line.startswith("model name")]
    except OSError:
        names = []
    name = names[0] if names else platform.processor() or platform.machine() or "processor"
    cores = os.cpu_count() or 1
    used = processors()
    return f"{name}, {cores} cores" if used == cores else f"{name}, {used} of {cores} cores"
