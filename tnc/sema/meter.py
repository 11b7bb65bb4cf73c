"""Limits on the work of compile-time evaluation, so that no input can hang the compiler or exhaust its memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

from tnc.diagnostics import Diagnostic
from tnc.limits import Limits
from tnc.sema.problem import Exhausted, Failed, Poisoned, Sink, fail
from tnc.source import Span

T = TypeVar("T")
R = TypeVar("R")

_WORK_PER_STEP = 4
"""How many nodes of expressions one step pays for."""

_WORK_PER_CALL = 8
"""What a call of a ``def`` or ``fn`` costs, in nodes."""

WORK_PER_STATEMENT = 8
"""What a statement costs, in nodes."""

WORK_PER_DEFINITION = 120
"""What lowering a definition costs, in nodes."""

WORK_PER_TERM = 60
"""What a factor of `prod` or a term of `sum` costs, in nodes."""

WORK_PER_FAILURE = 400
"""What a failed statement costs, in nodes: its diagnostic is built before duplicates are dropped."""

WORK_PER_INSTANCE = 200
"""What an instance costs, in nodes."""

_FRAMES_PER_LEVEL = 10
"""How many levels of expressions and blocks one level of nesting of calls may bring with it, on average."""


class Meter:
    """Counts steps, work and depth against the limits; shared by everything that one elaboration evaluates.

    ``depth`` counts levels of expressions and blocks, ``calls`` levels of ``def`` and ``fn`` calls and of instances,
    ``bodies`` those of ``def`` and ``fn`` alone. None is decremented when an exception passes: the handler
    restores its own :meth:`mark`.
    """

    __slots__ = ("_deepest", "_most_work", "bodies", "calls", "depth", "limits", "sink", "steps", "work")

    def __init__(self, limits: Limits, sink: Sink) -> None:
        self.limits = limits
        self.sink = sink
        self.steps = 0
        self.work = 0
        self.depth = 0
        self.calls = 0
        self.bodies = 0
        self._deepest = limits.nesting * _FRAMES_PER_LEVEL
        self._most_work = limits.steps * _WORK_PER_STEP

    def mark(self) -> tuple[int, int, int]:
        """The present depth, for :meth:`restore`."""
        return self.depth, self.calls, self.bodies

    def restore(self, mark: tuple[int, int, int]) -> None:
        """Go back to a depth after an exception."""
        self.depth, self.calls, self.bodies = mark

    def recover(self, failure: Failed, mark: tuple[int, int, int]) -> None:
        """Report a failure, and restore the depth at which it was caught."""
        self.sink.report_failure(failure)
        self.restore(mark)

    def each(
        self, items: Iterable[T], function: Callable[[T], R], *, failure_at: Callable[[T], Span] | None = None
    ) -> list[R]:
        """The function of every item, applied to all of them so that every error is reported.

        A failure costs work if ``failure_at`` gives its place.

        Raises:
            Poisoned: if an item failed. In the body of a ``def`` or ``fn`` the first failure is raised at once:
                recursion that branches would report it again for each branch.
        """
        mark = self.mark()
        results: list[R] = []
        failed = False
        for item in items:
            try:
                results.append(function(item))
            except Failed as failure:
                self.restore(mark)
                if self.bodies:
                    raise
                self.sink.report_failure(failure)
                if failure_at is not None:
                    self.pay(WORK_PER_FAILURE, failure_at(item))
                failed = True
        if failed:
            raise Poisoned
        return results

    def step(self, count: int, span: Span) -> None:
        """Count iterations before they run.

        Raises:
            Exhausted: if there are too many.
        """
        self.steps += count
        if self.steps > self.limits.steps:
            self.exhaust(f"this needs more than {self.limits.steps:,} steps of compile-time evaluation", "steps", span)

    def pay(self, work: int, span: Span) -> None:
        """Pay for the evaluation of nodes or for entries of lists."""
        self.work += work
        if self.work > self._most_work:
            self.exhaust(f"this needs more than {self.limits.steps:,} steps of compile-time evaluation", "steps", span)

    def enter(self, span: Span) -> None:
        """Go one level deeper into an expression or a block."""
        self.depth += 1
        self.work += 1
        if self.depth > self._deepest:
            fail("TN240", "expressions and blocks are nested too deeply here", span, help=self.setting("nesting"))
        if self.work > self._most_work:
            self.pay(0, span)

    def enter_call(self, what: str, span: Span) -> None:
        """Go one level deeper into calls of a `def` or a `fn`."""
        self.calls += 1
        self.bodies += 1
        self.pay(_WORK_PER_CALL, span)
        if self.calls > self.limits.nesting:
            fail(
                "TN240",
                f"{what} is nested more than {self.limits.nesting} levels deep",
                span,
                label="does this recursion end?",
                help=self.setting("nesting"),
            )

    def leave_call(self) -> None:
        """Come back from a call."""
        self.calls -= 1
        self.bodies -= 1

    def list_length(self, length: int, span: Span) -> None:
        """Check the length of a list before it is made, and pay for it."""
        if length > self.limits.list_length:
            fail(
                "TN241",
                f"a list of {integer(length)} entries is too long: the limit is {self.limits.list_length:,}",
                span,
                help=self.setting("list_length"),
            )
        self.pay(length // 8, span)

    def exhaust(self, message: str, limit: str, span: Span) -> None:
        """Report that a limit on the whole elaboration is reached, and end it."""
        self.sink.report(Diagnostic("TN242", message, span, help=self.setting(limit)))
        raise Exhausted

    @staticmethod
    def setting(limit: str) -> str:
        """The help line that says how to raise a limit."""
        return f"if this is meant, raise the limit with `--limit {limit}=…`"


def integer(value: int) -> str:
    """A count for a message: with thousands separators, or its size if it is huge."""
    return f"{value:,}" if value.bit_length() <= 100 else f"about 2^{value.bit_length() - 1}"
