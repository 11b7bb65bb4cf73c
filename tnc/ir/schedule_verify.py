"""The rules that every Schedule keeps."""

from __future__ import annotations

from tnc.ir.schedule import Schedule


def verify_schedule(schedule: Schedule) -> None:
    """Raise InternalError if the Schedule breaks a rule."""
