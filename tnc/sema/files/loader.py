"""Loading: a file, what it imports, and the standard library."""

from __future__ import annotations

import os.path
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import islice
from pathlib import Path
from types import MappingProxyType
from typing import TypeAlias

from tnc.diagnostics import CompileError, Diagnostic, InternalError
from tnc.diagnostics.suggest import nearest, unknown
from tnc.limits import Limits
from tnc.reading import LIKE, identity, read_source
from tnc.sema.files.applications import declared_network, resolve_applications
from tnc.sema.meter import Meter
from tnc.sema.names.broken import WORD, BrokenText
from tnc.sema.names.places import name_span
from tnc.sema.names.scope import POISON, Bound, Namespace, NetworkValue, Scope, Value
from tnc.sema.problem import Failed, Poisoned, Problem, Sink, fail
from tnc.sema.values.builtins import prelude
from tnc.sema.values.declarations import called_network, check_parameter_names, declare_function, let_value
from tnc.sema.values.evaluate import Evaluator
from tnc.source import Source, Span
from tnc.syntax import parse, tree

Reader: TypeAlias = Callable[[str, str], Source]
"""Reads an imported file: its path as written, and the name of the importing source. Raises CompileError."""

_STANDARD_PREFIX = "<std>/"


@dataclass(frozen=True, slots=True, eq=False)
class Module:
    """A loaded file: its tree, its file-level scope, and what it exports; ``complete`` if all of it could be read."""

    file: tree.File
    scope: Scope
    members: Mapping[str, Value]
    imports: Mapping[str, tuple[str, Span]]
    complete: bool


def is_standard(source_name: str) -> bool:
    """Whether a source belongs to the standard library."""
    return source_name.startswith(_STANDARD_PREFIX)


def reader(limits: Limits) -> Reader:
    """Reads imports from files, relative to the importing file; a pipe is not a file, for a program may not wait."""

    def read(path: str, importer: str) -> Source:
        folder = Path(importer).parent if not importer.startswith("<") else Path()
        return read_source(os.path.normpath(folder / path), limits, streams=False)

    return read


@dataclass(slots=True, eq=False)
class Loader:
    """Loads each file once; knows which are being loaded, for cycles."""

    limits: Limits
    read: Reader
    modules: dict[str, Module] = field(default_factory=dict[str, Module])
    standard_networks: dict[str, NetworkValue] = field(default_factory=dict[str, NetworkValue])
    broken: BrokenText = field(default_factory=BrokenText)
    prelude: Scope = field(default_factory=prelude)
    _chain: list[str] = field(default_factory=list[str])

    def evaluator(self, sink: Sink) -> Evaluator:
        """An evaluator with a fresh budget, which reports to the sink."""
        return Evaluator(Meter(self.limits, sink), sink, partial(self.standard, sink), self.broken)

    # -- files ---------------------------------------------------------------------------------

    def load(self, source: Source, sink: Sink) -> Module:
        """Load a file: parse it, load what it imports, bind what it declares."""
        file, diagnostics = parse(source, self.limits)
        for diagnostic in diagnostics:
            sink.report(diagnostic)
        self.broken.add(file)
        self._chain.append(source.name)
        scope = Scope(self.prelude)
        imports: dict[str, tuple[str, Span]] = {}
        evaluator = self.evaluator(sink)
        for statement in file.statements:
            mark = evaluator.meter.mark()
            try:
                self._statement(statement, scope, imports, evaluator)
            except Failed as failure:
                evaluator.meter.recover(failure, mark)
                _poison(statement, scope)
        resolve_applications(file.statements, scope, evaluator)
        self._chain.pop()
        members = {
            name: entry.value
            for name, entry in scope.names.items()
            if isinstance(entry, Bound) and entry.value is not None and entry.kind != "import"
        }
        complete = not diagnostics and not any(
            isinstance(entry, Bound) and entry.value is None for entry in scope.names.values()
        )
        module = Module(file, scope, MappingProxyType(members), MappingProxyType(imports), complete)
        self.modules[source.name] = module
        return module

    def _statement(
        self,
        statement: tree.Statement,
        scope: Scope,
        imports: dict[str, tuple[str, Span]],
        evaluator: Evaluator,
    ) -> None:
        match statement:
            case tree.Network():
                span = name_span(statement)
                scope.check_free(statement.name, span)
                check_parameter_names(statement, scope)
                scope.bind(statement.name, declared_network(statement, scope), span, "network")
            case tree.Application():
                scope.bind(statement.name, declared_network(statement, scope), name_span(statement), "network")
            case tree.Function() | tree.Def():
                declare_function(statement, scope)
            case tree.Let(path=path):
                part = path.parts[0]
                if len(path.parts) > 1 or part.subscripts is not None:
                    fail("TN264", "a `let` at the top of a file has a plain name", path.span)
                scope.check_free(part.name, path.span)
                if (network := called_network(evaluator, statement.value, scope)) is not None:
                    advice = f"`network {part.name} = {network.shown}(…)` declares a network that others may use"
                    fail("TN228", "an instance belongs in a network", statement.value.span, help=advice)
                scope.bind(part.name, let_value(evaluator, statement.value, scope), path.span, "let")
            case tree.Import():
                self._import(statement, scope, imports, evaluator.sink)
            case tree.Assert(condition=condition, message=message):
                if not evaluator.condition(condition, scope):
                    fail("TN260", message or "this assertion does not hold", statement.span)
            case _:
                raise InternalError("the parser lets no such statement stand at the top of a file")

    def _import(self, node: tree.Import, scope: Scope, imports: dict[str, tuple[str, Span]], sink: Sink) -> None:
        name = node.alias or Path(node.path).stem
        if is_standard(node.path) or node.path in ("std", "std.tn"):
            fail("TN270", "`std` is always there and needs no import", node.span, help="write `std.mera(…)`")
        if self.broken.inside(node.span) or node.span.text.count('"') < 2:
            raise Poisoned  # the path is not what the author meant
        if not WORD.fullmatch(name):
            fail(
                "TN270", f"`{name}` is not a name", node.span, help=f'give the file one: `import "{node.path}" as name`'
            )
        scope.check_free(name, node.span)
        importer = node.span.source.name
        if len(self._chain) > self.limits.nesting:
            fail("TN240", "files import each other too deeply", node.span)
        try:
            source = self.read(node.path, importer)
        except CompileError as error:
            for diagnostic in error.diagnostics:
                if diagnostic.span is None:
                    sink.report(Diagnostic("TN270", diagnostic.message, node.span, help=_import_hint(node, importer)))
                else:
                    sink.report(diagnostic)
            raise Poisoned from None
        module = self._imported(source, node, sink)
        imports[name] = (name, node.span)
        scope.bind(name, Namespace(name, module.members, module.complete), node.span, "import")

    def _imported(self, source: Source, node: tree.Import, sink: Sink) -> Module:
        file = identity(source.name)
        chain = [identity(name) for name in self._chain]
        if file in chain:
            cycle = [*self._chain[chain.index(file) :], source.name]
            shown = " → ".join(f"`{name}`" for name in (cycle if len(cycle) <= 7 else [*cycle[:3], "…", *cycle[-3:]]))
            fail(
                "TN271",
                f"files import each other in a cycle: {shown}",
                node.span,
                help="move what both need to a third file",
            )
        known = self.modules.get(source.name)
        return known if known is not None else self.load(source, sink)

    # -- the standard library --------------------------------------------------------------------

    def standard(self, sink: Sink, name: str, span: Span) -> NetworkValue:
        """A network of the standard library: `std.mera` is the network `mera` of its file `mera.tn`."""
        if name in self.standard_networks:
            return self.standard_networks[name]
        text = _standard_text(name)
        if text is None:
            raise Problem(unknown("TN203", "network", f"std.{name}", standard_names("std."), span))
        module = self.load(Source(f"{_STANDARD_PREFIX}{name}.tn", text), sink)
        network = module.members.get(name)
        if not isinstance(network, NetworkValue):
            raise Poisoned
        network = replace(network, shown=f"std.{name}")
        self.standard_networks[name] = network
        return network


def standard_names(prefix: str = "") -> list[str]:
    """The networks of the standard library, each with a prefix."""
    from importlib.resources import files

    folder = files("tnc.grammar").joinpath("std")
    return sorted(f"{prefix}{entry.name[:-3]}" for entry in folder.iterdir() if entry.name.endswith(".tn"))


def _standard_text(name: str) -> str | None:
    from importlib.resources import files

    if not WORD.fullmatch(name):
        return None
    path = files("tnc.grammar").joinpath("std", f"{name}.tn")
    return path.read_text(encoding="utf-8") if path.is_file() else None


def _import_hint(node: tree.Import, importer: str) -> str:
    where = "the current folder" if importer.startswith("<") else f"the folder of `{importer}`"
    near = None if importer.startswith("<") else nearest(node.path, _files_beside(importer, node.path), LIKE)
    return f"did you mean `{near}`?" if near else f"paths are relative to {where}"


def _files_beside(importer: str, path: str) -> list[str]:
    """The files that an import could mean: those beside the importer, and those in the folder of the path."""
    home = Path(importer).parent
    found: list[str] = []
    for folder in dict.fromkeys((Path(), Path(path).parent)):
        with suppress(OSError, ValueError):
            found += [(folder / each.name).as_posix() for each in islice((home / folder).iterdir(), 1000)]
    return [each for each in found if each.endswith(".tn") and each != Path(importer).name]


def _poison(statement: tree.Statement, scope: Scope) -> None:
    """Poison the name that a failed statement would have declared."""
    match statement:
        case tree.Network(name=name) | tree.Application(name=name) | tree.Function(name=name) | tree.Def(name=name):
            pass
        case tree.Let(path=path):
            name = path.parts[0].name
        case tree.Import(alias=alias, path=path_text):
            name = alias or Path(path_text).stem
        case _:
            return
    if scope.find(name) is None:
        scope.names[name] = Bound(POISON, None, statement.span)
