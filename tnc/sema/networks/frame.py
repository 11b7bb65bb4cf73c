"""One execution of a network: its scope, and the names that it declares."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from tnc.diagnostics import Label
from tnc.ir.program import Dim
from tnc.sema.meter import WORK_PER_INSTANCE
from tnc.sema.names.scope import Bound, Family, Instance, NetworkValue, Scope, Subscripts, Tensor, article
from tnc.sema.names.walk import statements_in
from tnc.sema.networks.builder import ProgramBuilder
from tnc.sema.problem import Sink, fail
from tnc.sema.tensors.references import subscript_text
from tnc.sema.values.evaluate import Evaluator
from tnc.source import Span
from tnc.syntax import tree


@dataclass(frozen=True, slots=True)
class Step:
    """A definition of an intermediate tensor.

    ``again`` if there was one of that name before, ``applies`` if the author says what function is applied to it.
    """

    key: str
    tensor: str
    span: Span
    again: bool
    applies: bool


@dataclass(slots=True)
class Declared:
    """What the outermost network declares, for the lints: the tensor, where, and what it is called."""

    steps: list[Step] = field(default_factory=list[Step])
    tensors: list[tuple[str, str, Span, str]] = field(default_factory=list[tuple[str, str, Span, str]])
    instances: list[Instance] = field(default_factory=list[Instance])


@dataclass(frozen=True, slots=True)
class Shared:
    """What all networks of one elaboration have in common.

    ``chain`` names the networks whose instances are being elaborated, outermost first.
    """

    evaluator: Evaluator
    builder: ProgramBuilder
    declared: Declared
    is_library: Callable[[str], bool]
    chain: list[str] = field(default_factory=list[str])


@dataclass(slots=True, eq=False)
class Frame:
    """One execution of a network. ``bindings`` are what its inputs are bound to; None for the outermost network.

    ``use_span`` is the place of the use that asked for it, ``sizes`` what its dynamic dimensions are, ``outputs``
    its results: None for one that failed.
    """

    shared: Shared
    instance: Instance
    bindings: dict[str, tuple[Tensor, Span]] | None
    use_span: Span
    scope: Scope = field(init=False)
    sizes: dict[str, Dim] = field(default_factory=dict[str, Dim])
    outputs: dict[str, Tensor | None] = field(default_factory=dict[str, Tensor | None])
    output_spans: dict[str, Span] = field(default_factory=dict[str, Span])

    def __post_init__(self) -> None:
        self.scope = Scope(self.instance.scope)

    @property
    def evaluator(self) -> Evaluator:
        """Evaluates compile-time expressions."""
        return self.shared.evaluator

    @property
    def sink(self) -> Sink:
        """Where diagnostics go."""
        return self.shared.evaluator.sink

    def enter_instance(self, network: NetworkValue, span: Span) -> None:
        """Enter an instance.

        Raises:
            Problem: TN240 if instances are nested too deeply.
        """
        chain = self.shared.chain
        chain.append(network.shown)
        meter = self.evaluator.meter
        meter.calls += 1
        meter.pay(WORK_PER_INSTANCE, span)
        if meter.calls > meter.limits.nesting:
            shown = " → ".join(f"`{name}`" for name in chain[:6])
            more = " → …" if len(chain) > 6 else ""
            chain.pop()
            fail(
                "TN240",
                f"instances are nested more than {meter.limits.nesting} levels deep: {shown}{more}",
                span,
                label="does this recursion end?",
                help=meter.setting("nesting"),
            )

    def leave_instance(self) -> None:
        """Come out of an instance, also when it failed."""
        self.shared.chain.pop()
        self.evaluator.meter.calls -= 1

    @property
    def lint(self) -> bool:
        """Whether the author can do something about lints in this network."""
        return not self.shared.is_library(self.instance.network.node.span.source.name)

    def subscripts(self, part: tree.PathPart, scope: Scope) -> Subscripts:
        """The subscripts of a declaration; a binder stands for its value."""
        if part.subscripts is None:
            return None
        result: list[int] = []
        for item in part.subscripts:
            if isinstance(item, tree.Binder):
                bound = scope.find(item.name)
                assert isinstance(bound, Bound)
                assert bound.value is not None
                result.append(self.evaluator.as_integer(bound.value, item.span, "a subscript"))
            elif isinstance(item, tree.Range):
                fail("TN232", "a family is declared with a binder", item.span, help=f"write `k in {item.span.text}`")
            else:
                result.append(self.evaluator.integer(item, scope, "a subscript"))
        return tuple(result)

    def prefix(self, path: tree.Path, scope: Scope) -> tuple[list[str], tree.PathPart]:
        """The parts of a canonical dotted name before the last, as text, and the last."""
        prefix: list[str] = []
        for part in path.parts[:-1]:
            for item in part.subscripts or ():
                if isinstance(item, tree.Binder):
                    fail("TN232", "a binder stands in the last part of a name only", item.span)
            prefix.append(f"{part.name}{subscript_text(self.subscripts(part, scope))}")
        return prefix, path.parts[-1]

    def join(self, prefix: Sequence[str]) -> str:
        """A path inside this network, seen from the outermost one."""
        return ".".join([*([self.instance.path] if self.instance.path else []), *prefix])

    def family(self, key: str, kind: str, span: Span, scope: Scope) -> Family:
        """The family of a name, made if it is new."""
        entry = scope.find_declared(key)
        if entry is None:
            entry = self.scope.names[key] = Family(kind, key, span)
        elif not isinstance(entry, Family) or entry.kind != kind:
            if kind == "intermediate" and not isinstance(entry, Bound):
                fail(
                    "TN208",
                    f"`{key}` is {article(entry.kind)} and cannot be redefined",
                    span,
                    labels=(Label(entry.span, "declared here"),),
                    help="only tensors defined by an equation can be redefined; choose another name",
                )
            scope.check_free(key, span)
        assert isinstance(entry, Family)
        return entry

    def check_new(
        self,
        name: str,
        members: dict[Subscripts, Tensor | None] | dict[Subscripts, Instance | None],
        places: dict[Subscripts, Span],
        member: Subscripts,
        node: tree.Core | tree.Let,
        scope: Scope,
    ) -> None:
        """Raise TN208 if a core or an instance exists already, TN207 if its family has another number of subscripts."""
        span = node.path.span
        keyword = "core" if isinstance(node, tree.Core) else "let"
        if member in members:
            first = places.get(member, span)
            loop = next((known for known, entry in scope.visible() if entry.kind == "loop"), None)
            hint = "choose another name"
            if member is None and loop is not None:
                hint = f"in a loop, declare one each time: `{keyword} {name}[{loop}]`"
            elif first == span and loop is not None:
                hint = f"the subscripts must differ from one iteration to the next: use `{loop}`"
            labels = () if first == span else (Label(first, "first declared here"),)
            fail("TN208", f"`{name}{subscript_text(member)}` is declared twice", span, labels=labels, help=hint)
        check_rank(name, members, member, span, places)


def check_rank(
    name: str, others: Iterable[Subscripts], member: Subscripts, span: Span, places: dict[Subscripts, Span]
) -> None:
    """Raise TN207 if a member has another number of subscripts than the rest of its family."""
    other = next(iter(others), member)
    if (other is None) == (member is None) and len(other or ()) == len(member or ()):
        return
    place = places.get(other)
    fail(
        "TN207",
        f"`{name}{subscript_text(member)}` and `{name}{subscript_text(other)}` cannot be of one family",
        span,
        labels=() if place is None else (Label(place, f"`{name}{subscript_text(other)}` is declared here"),),
        help="all members of a family have the same number of subscripts",
    )


def declares(statements: Sequence[tree.Statement], kind: type[tree.Input] | type[tree.Output]) -> bool:
    """Whether a block holds, at any depth, a statement of a kind."""
    return any(isinstance(statement, kind) for statement in statements_in(statements))
