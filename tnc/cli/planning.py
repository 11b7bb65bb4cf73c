"""Plans of several networks, one after the other or in several processes; both print the same."""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

from tnc.cli.parser import Parser
from tnc.cli.progress import Progress

if TYPE_CHECKING:
    from tnc.driver import Initialised, Planned
    from tnc.options import Options

MOST_JOBS = 256


def add_jobs(parser: Parser) -> None:
    """``--jobs``; one process by default, since a process takes memory and a start that a small file does not pay."""
    parser.add_argument(
        "--jobs", type=_jobs, default=1, metavar="N", help="plan networks in this many processes (default: 1)"
    )


def plan_all(networks: Sequence[Initialised], options: Options, backend: str, jobs: int = 1) -> list[Planned]:
    """The plan of every network for a backend, in their order, with progress on a terminal.

    Raises:
        CompileError: that of the first network that has none.
    """
    from tnc import driver

    progress = Progress("planning")
    found: list[Planned] = []
    try:
        plan = partial(driver.plan, options=options, backend=backend)
        for planned in _plans(networks, plan, min(jobs, len(networks))):
            found.append(planned)
            progress(len(found), len(networks))
    finally:
        progress.clear()
    return found


def _plans(networks: Sequence[Initialised], plan: Callable[[Initialised], Planned], jobs: int) -> Iterator[Planned]:
    if jobs < 2:
        yield from map(plan, networks)
        return
    # Imported late: most runs need one process, and `multiprocessing` adds a module `__mp_main__`.
    import multiprocessing
    from concurrent.futures import ProcessPoolExecutor

    pool = ProcessPoolExecutor(jobs, mp_context=multiprocessing.get_context("spawn"))
    try:
        with _interrupts_held():
            futures = [pool.submit(plan, network) for network in networks]
        for network, future in zip(networks, futures, strict=True):
            try:
                planned = future.result()
            except Exception:
                # Planned again here: the error, and the place that it came from, are those of a single process. A
                # process that the system killed costs time, and no result.
                planned = plan(network)
            yield planned
    except BaseException:
        for process in multiprocessing.active_children():
            process.terminate()
        raise
    finally:
        pool.shutdown(cancel_futures=True)


@contextmanager
def _interrupts_held() -> Generator[None]:
    """Hold Ctrl-C back until all processes have started.

    They inherit the mask: Ctrl-C reaches the whole group, and this process ends the others. Ignoring the signal instead
    would lose one that arrives meanwhile.
    """
    if sys.platform == "win32":
        yield
        return
    from multiprocessing import resource_tracker

    resource_tracker.ensure_running()  # now, because its start unblocks interrupts
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _jobs(text: str) -> int:
    """A number of processes, for argparse."""
    if text.isascii() and text.isdigit() and 0 < int(text[:9]) <= MOST_JOBS:
        return int(text)
    raise argparse.ArgumentTypeError(f"`{text}` is not a number of processes from 1 to {MOST_JOBS}")
