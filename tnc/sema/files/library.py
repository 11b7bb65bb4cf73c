"""A file ready to be elaborated."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from tnc.diagnostics import Allowance, Diagnostic
from tnc.limits import Limits
from tnc.sema.files.applications import declared_network
from tnc.sema.files.loader import Loader, Module, Reader, is_standard, reader
from tnc.sema.files.name_check import check_names
from tnc.sema.names.scope import Bound, NetworkValue, Scope
from tnc.sema.names.value_text import short_text
from tnc.sema.problem import Exhausted, Sink
from tnc.source import Source, Span
from tnc.syntax import allowances, tree
from tnc.syntax.recursion import deep_recursion


@dataclass(frozen=True, slots=True, eq=False)
class Library:
    """A file with all it needs, ready to be elaborated."""

    source: Source
    limits: Limits
    networks: Mapping[str, NetworkValue]
    module: Module = field(repr=False)
    loader: Loader = field(repr=False)

    def allowances(self, lints: Container[str]) -> tuple[tuple[Allowance, ...], tuple[Diagnostic, ...]]:
        """Where its files turn which of the lints off, and comments to the compiler that are not understood."""
        files = [m.file for m in self.loader.modules.values() if not is_standard(m.file.source.name)]
        read = [allowances(file, lints) for file in files]
        return tuple(each for found, _ in read for each in found), tuple(each for _, wrong in read for each in wrong)

    def binding_place(self, networks: Iterable[str], parameter: str) -> str | None:
        """A help line that says where one of the networks binds a parameter; None if none does."""
        for network in map(self.networks.__getitem__, networks):
            if parameter in network.bound:
                value, span = network.bound[parameter]
                place = f"{span.source.name}:{span.source.position(span.start).line}"
                return f"`{network.name}` sets it to {short_text(value)} at {place}; `{network.node.name}` takes it"
        return None

    def parameters(self, network: str) -> tuple[str, ...]:
        """The names of a network's parameters."""
        return tuple(parameter.name for parameter in self.networks[network].parameters)


def load(source: Source, limits: Limits, read: Reader | None = None) -> tuple[Library, tuple[Diagnostic, ...]]:
    """Load a file and its imports. Return it with the diagnostics on syntax, imports and names of all these files."""
    sink = Sink()
    loader = Loader(limits, read or reader(limits))
    with deep_recursion():
        try:
            module = loader.load(source, sink)
            for loaded in tuple(loader.modules.values()):
                if not is_standard(loaded.file.source.name):
                    check_names(loaded, loader.broken, sink)
        except Exhausted:
            nothing = tree.File(source=source, statements=(), comments=(), span=Span(source, 0, 0))
            module = Module(nothing, Scope(), {}, {}, False)
    networks: dict[str, NetworkValue] = {}
    for statement in module.file.statements:
        if isinstance(statement, tree.Network | tree.Application):
            networks.setdefault(statement.name, _network(statement, module.scope))
    return Library(source, limits, MappingProxyType(networks), module, loader), tuple(sink.found)


def _network(node: tree.Network | tree.Application, scope: Scope) -> NetworkValue:
    """The network that a statement declares, also if its declaration failed."""
    entry = scope.names.get(node.name)
    value = entry.value if isinstance(entry, Bound) else None
    return value if isinstance(value, NetworkValue) else declared_network(node, scope)
