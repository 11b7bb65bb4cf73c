"""Compile-time values: evaluation, functions of the language, declarations."""
