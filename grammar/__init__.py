"""The language as data: the grammar and, in ``std``, the standard library."""
