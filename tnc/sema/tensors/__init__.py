"""Tensor expressions: every name resolved, every loop unrolled; legs are still names."""
