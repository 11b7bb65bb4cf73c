"""The machine that runs this process: its processor, and the operations of its frameworks."""

from __future__ import annotations

import os
import platform
from importlib.util import find_spec

from tnc.diagnostics import CompileError, Diagnostic
from tnc.measure.runners import Machine, runner


def this_machine(backend: str | None, threads: int | None) -> Machine:
    """The operations of a backend's framework; of PyTorch, or NumPy where that is missing, if none is named.

    Raises:
        CompileError: TN010 if the backend is unknown, TN024 if its framework is not installed or does not load.
    """
    if backend is None:
        backend = "torch" if find_spec("torch") is not None else "numpy"
    found = runner(backend)
    try:
        return found.machine(threads)
    except (ImportError, OSError) as error:
        reason = " ".join(str(error).split())[:200]
        message = f"this machine cannot be measured: {found.framework} is installed but does not load: {reason}"
        raise CompileError((Diagnostic("TN024", message, help=f"repair or remove {found.framework}"),)) from None


def processor() -> str:
    """The name of the processor and the number of its cores, as the system reports them."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:  # noqa: PTH123
            names = [line.partition(":")[2].strip() for line in file if line.startswith("model name")]
    except OSError:
        names = []
    name = names[0] if names else platform.processor() or platform.machine() or "processor"
    return f"{name}, {os.cpu_count() or 1} cores"
