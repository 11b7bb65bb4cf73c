"""What the tests of elaboration ask: the Program of a text, or what is wrong with it."""

from __future__ import annotations

from tnc.diagnostics import CompileError, Diagnostic, Severity
from tnc.ir.program import Program
from tnc.limits import Limits
from tnc.sema import Library, elaborate, load, merge
from tnc.source import Source

LIMITS = Limits()


def targets(library: Library) -> tuple[str, ...]:
    """The networks of a file whose parameters all have defaults."""
    complete = (all(p.default is not None for p in network.parameters) for network in library.networks.values())
    return tuple(name for name, yes in zip(library.networks, complete, strict=True) if yes)


def elaborated(
    text: str,
    arguments: dict[str, object] | None = None,
    *,
    network: str | None = None,
    limits: Limits = LIMITS,
    files: dict[str, str] | None = None,
) -> tuple[list[Program | None], tuple[Diagnostic, ...]]:
    """Load a text, elaborate one network or all targets, and merge all diagnostics."""

    def read(path: str, importer: str) -> Source:
        del importer
        if files is None or path not in files:
            raise CompileError((Diagnostic("TN001", f"there is no file `{path}`"),))
        return Source(path, files[path])

    library, found = load(Source("test.tn", text), limits, read)
    groups = [found]
    programs: list[Program | None] = []
    for name in targets(library) if network is None else (network,):
        program, found = elaborate(library, name, arguments or {})
        programs.append(program)
        groups.append(found)
    return programs, merge(*groups)


def diagnosed(
    text: str,
    arguments: dict[str, object] | None = None,
    *,
    network: str | None = None,
    limits: Limits = LIMITS,
    files: dict[str, str] | None = None,
) -> list[tuple[str, str]]:
    """Code and text under the span of every diagnostic."""
    _, found = elaborated(text, arguments, network=network, limits=limits, files=files)
    return [(diagnostic.code, diagnostic.span.text if diagnostic.span else "") for diagnostic in found]


def only(text: str, arguments: dict[str, object] | None = None, *, network: str | None = None) -> Diagnostic:
    """The one diagnostic of a text."""
    _, found = elaborated(text, arguments, network=network)
    assert len(found) == 1, found
    return found[0]


def program_of(
    text: str,
    arguments: dict[str, object] | None = None,
    *,
    network: str | None = None,
    files: dict[str, str] | None = None,
) -> Program:
    """The Program of the first target, or of a network, which must be without errors."""
    programs, found = elaborated(text, arguments, network=network, files=files)
    errors = [diagnostic for diagnostic in found if diagnostic.severity is Severity.ERROR]
    assert not errors, errors
    program = programs[0]
    assert program is not None
    return program


def value_of(expression: str, before: str = "") -> str:
    """The canonical text of a compile-time expression: what a parameter becomes whose default it is."""
    program = program_of(f"{before}\nnetwork n(value: ints = [{expression}]) {{ core a(2)\n output w(i) = a(i) }}")
    return dict(program.arguments)["value"].removeprefix("[").removesuffix("]")
