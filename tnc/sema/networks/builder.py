"""The Program under construction: cores, inputs and statements, under provisional names until the end."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

from tnc.ir.legs import rename_tensors, used_tensors
from tnc.ir.program import Input, Origin, Output, Parameter, Program, Requirement, Statement
from tnc.sema.meter import Meter
from tnc.sema.names.scope import Subscripts
from tnc.sema.values.builtins import BUILTIN_NAMES
from tnc.source import Span


@dataclass(frozen=True, slots=True)
class TensorName:
    """The name that a statement should have: instance path, identifier, subscripts."""

    path: str
    identifier: str
    subscripts: Subscripts = None

    def with_suffix(self, suffix: str) -> TensorName:
        """The same with a suffix on the identifier."""
        return replace(self, identifier=f"{self.identifier}_{suffix}")

    @property
    def base(self) -> str:
        """Path and identifier, without the subscripts."""
        return f"{self.path}.{self.identifier}" if self.path else self.identifier

    @property
    def rank(self) -> int | None:
        """How many subscripts there are; None for a name without."""
        return None if self.subscripts is None else len(self.subscripts)

    @property
    def local(self) -> str:
        """The text inside its instance."""
        return str(replace(self, path=""))

    def __str__(self) -> str:
        """The canonical text."""
        return self.base if self.subscripts is None else f"{self.base}[{', '.join(map(str, self.subscripts))}]"


@dataclass(slots=True)
class ProgramBuilder:
    """Collects what elaboration finds, for all instances of one network."""

    meter: Meter
    parameters: dict[str, Parameter] = field(default_factory=dict[str, Parameter])
    inputs: list[Input] = field(default_factory=list[Input])
    statements: list[Statement] = field(default_factory=list[Statement])
    outputs: list[Output] = field(default_factory=list[Output])
    requirements: list[Requirement] = field(default_factory=list[Requirement])
    origins: dict[str, Origin] = field(default_factory=dict[str, Origin])
    _desired: dict[str, TensorName] = field(default_factory=dict[str, TensorName])

    def add_core(self, parameter: Parameter, span: Span) -> None:
        """Declare a core."""
        self.parameters[str(parameter.name)] = parameter
        limit = self.meter.limits.cores
        if len(self.parameters) > limit:
            self.meter.exhaust(f"this network has more than {limit:,} cores", "cores", span)

    def add_statements(self, statements: Iterable[Statement], origin: Origin) -> None:
        """Append the statements of a definition; they use only tensors that are there already."""
        known = len(self.statements)
        self.statements.extend(statements)
        self.origins.update((statement.name, origin) for statement in self.statements[known:])
        limit = self.meter.limits.statements
        if len(self.statements) > limit:
            self.meter.exhaust(f"this network has more than {limit:,} statements", "statements", origin.span)

    def provisional(self, name: TensorName) -> str:
        """A unique name for a statement that would like to be called so."""
        unique = f"{name}#{len(self._desired)}"
        self._desired[unique] = name
        return unique

    def fresh(self, name: TensorName) -> Callable[[str], str]:
        """Gives provisional names for the parts of a definition."""
        return lambda part: self.provisional(name.with_suffix(part))

    def referenced(self) -> set[str]:
        """Every tensor that a statement or an output reads, dead or not."""
        names = {tensor for statement in self.statements for tensor in used_tensors(statement)}
        names.update(output.tensor for output in self.outputs)
        return names

    def finish(self, network: str, reserved: Iterable[str], arguments: tuple[tuple[str, str], ...]) -> Program:
        """The Program: what no output needs is dropped, names are made short and unique."""
        live = self._live()
        statements = [statement for statement in self.statements if statement.name in live]
        names = self._final_names(statements, reserved)
        renamed = tuple(
            replace(rename_tensors(statement, names), name=names[statement.name]) for statement in statements
        )
        return Program(
            name=network,
            parameters=tuple(p for name, p in self.parameters.items() if name in live),
            inputs=tuple(self.inputs),
            statements=renamed,
            outputs=tuple(replace(o, tensor=names.get(o.tensor, o.tensor)) for o in self.outputs),
            requirements=tuple(self.requirements),
            arguments=arguments,
            origins=tuple((names[statement.name], self.origins[statement.name]) for statement in statements),
        )

    def _live(self) -> set[str]:
        live = {output.tensor for output in self.outputs}
        for statement in reversed(self.statements):
            if statement.name in live:
                live.update(used_tensors(statement))
        return live

    def _final_names(self, statements: list[Statement], reserved: Iterable[str]) -> dict[str, str]:
        """Final names, in order: the desired one where it is free, else with a number on its identifier.

        A numbered identifier is never one that something else has, with or without subscripts. No family comes to have
        members of two kinds, cores and statements or with and without subscripts: outputs have names of their own, so
        one may be called as a family is.
        """
        taken: set[str] = {*self.parameters, *(i.name for i in self.inputs), *reserved, *BUILTIN_NAMES}
        cores = {TensorName(p.name.path, p.name.family).base for p in self.parameters.values()}
        bases = cores | taken | {self._desired[statement.name].base for statement in statements}
        ranks: dict[str, int | None] = {}
        names: dict[str, str] = {}
        next_number: dict[str, int] = {}
        for statement in statements:
            desired = self._desired[statement.name]
            candidate, number = desired, next_number.get(str(desired), 2)
            while (
                str(candidate) in taken
                or candidate.base in (cores if candidate is desired else bases)
                or ranks.get(candidate.base, candidate.rank) != candidate.rank
            ):
                candidate = desired.with_suffix(str(number))
                number += 1
            next_number[str(desired)] = number
            taken.add(str(candidate))
            ranks[candidate.base] = candidate.rank
            names[statement.name] = str(candidate)
        return names
