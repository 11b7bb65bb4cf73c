"""The memory of a compiled JAX step, predicted as XLA assigns buffers on a processor."""
