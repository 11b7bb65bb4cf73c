"""Files: loading, imports, the standard library, and names that nothing declares."""
