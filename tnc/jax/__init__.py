"""Generated weights inside JAX models."""
