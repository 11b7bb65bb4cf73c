"""What a run ran on: versions and hardware, no names."""

from __future__ import annotations

import os
import platform
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from subprocess import run

import torch

_PACKAGES = (
    "torch", "jax", "jaxlib", "numpy", "cotengra", "opt_einsum", "quimb", "tensorly", "tensorly-torch", "tensorkrowch",
)  # fmt: skip


def use_threads(threads: int) -> None:
    """Set the number of threads of torch and XLA. Call this before JAX is imported."""
    torch.set_num_threads(threads)
    os.environ["NPROC"] = os.environ["PJRT_NPROC"] = str(threads)
    os.environ.setdefault("JAX_PLATFORMS", "cpu")
    os.environ.setdefault("KINETO_LOG_LEVEL", "99")
    os.environ.setdefault("TORCHINDUCTOR_COMPILE_THREADS", "1")
    os.environ.setdefault("TENSORLY_BACKEND", "pytorch")


def facts(threads: int) -> dict[str, str]:
    """Facts that figures depend on."""
    found = {
        "processor": _processor(),
        "cores": str(os.cpu_count()),
        "threads": str(threads),
        "load when started": f"{os.getloadavg()[0]:.1f}",
        "scheduling": _scheduling(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "tnc": _commit(),
    }
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    return found


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown")


def _scheduling() -> str:
    """Whether the process runs before others; figures of a busy machine are worthless otherwise."""
    if sys.platform != "linux":
        return "as usual"
    policy = os.sched_getscheduler(0)
    return {os.SCHED_FIFO: "real time", os.SCHED_RR: "real time"}.get(policy, "as usual")


def _commit() -> str:
    """The commit that is measured, with a plus where files differ from it."""
    command = ["git", "-C", str(Path(__file__).parent), "describe", "--always", "--dirty=+"]
    found = run(command, capture_output=True, text=True, check=False)
    return found.stdout.strip() or "unknown"
