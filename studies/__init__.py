"""Measurements whose figures stand in ``docs/``: how networks start, and how they train."""
