"""The language as data: the grammar, the standard topologies, the editors' grammars."""
