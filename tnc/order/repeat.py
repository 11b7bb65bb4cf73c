"""Loops: runs of steps that repeat."""

from __future__ import annotations

from tnc.ir.schedule import Schedule


def roll(schedule: Schedule) -> Schedule:
    """The Schedule with repeated runs of steps as loops."""
    return schedule
