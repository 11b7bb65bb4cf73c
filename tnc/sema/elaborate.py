"""Statements of a network, executed: every loop unrolled, every definition lowered."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import assert_never

from tnc.diagnostics import Diagnostic, Label
from tnc.ir.program import CoreName, Dim, Input, Output, Parameter
from tnc.sema.arguments import bind_parameters
from tnc.sema.builder import ProgramBuilder, TensorName
from tnc.sema.cores import CoreReader, check_size, dims
from tnc.sema.declarations import declare_function, let_value
from tnc.sema.evaluate import Evaluator, binder_span, name_span, parameters
from tnc.sema.instances import Instance
from tnc.sema.legs import LegReader
from tnc.sema.lower import Lowered, lower_definition
from tnc.sema.outputs import LeftSide, output_std
from tnc.sema.problem import Poisoned, Problem, Sink, fail
from tnc.sema.references import InstanceOutput, refer, subscript_text
from tnc.sema.requirements import requirements
from tnc.sema.resolve import Resolver, shape_text
from tnc.sema.resolved import Definition
from tnc.sema.scope import Bound, Family, Instances, Scope, Subscripts, Tensor, article
from tnc.sema.suggest import did_you_mean
from tnc.sema.values import Namespace, NetworkValue, StandardLibrary
from tnc.sema.walk import unwrapped
from tnc.source import Span
from tnc.syntax import tree


@dataclass(slots=True)
class Declared:
    """What the outermost network declares, for the lints: the tensor, where, and what it is called."""

    tensors: list[tuple[str, str, Span, str]] = field(default_factory=list)
    instances: list[Instance] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Shared:
    """What all networks of one elaboration have in common."""

    evaluator: Evaluator
    builder: ProgramBuilder
    declared: Declared
    is_library: Callable[[str], bool]

    @property
    def sink(self) -> Sink:
        """Where diagnostics go."""
        return self.evaluator.sink


@dataclass(slots=True, eq=False)
class NetworkElaborator:
    """Executes one network once. ``bindings`` are what its inputs are bound to; None for the outermost network."""

    shared: Shared
    instance: Instance
    bindings: dict[str, tuple[Tensor, Span]] | None
    use_span: Span
    scope: Scope = field(init=False)
    sizes: dict[str, Dim] = field(default_factory=dict)
    size_spans: dict[str, Span] = field(default_factory=dict)
    bound: set[str] = field(default_factory=set)
    outputs: dict[str, Tensor | None] = field(default_factory=dict)
    output_spans: dict[str, Span] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.scope = Scope(self.instance.scope)

    @property
    def _evaluator(self) -> Evaluator:
        return self.shared.evaluator

    @property
    def _lint(self) -> bool:
        return not self.shared.is_library(self.instance.network.node.span.source.name)

    # -- blocks --------------------------------------------------------------------------------

    def execute(self) -> None:
        """Execute the whole body."""
        node = self.instance.network.node
        self.run(node.body, self.scope)
        if not self.outputs:
            self.shared.sink.report(
                Diagnostic(
                    "TN261",
                    f"network `{node.name}` has no output"
                    + (" for these arguments" if declares(node.body, tree.Output) else ""),
                    name_span(node),
                    help="add one: `output weight(i, j) = …`",
                )
            )

    def run(self, statements: Sequence[tree.Statement], scope: Scope) -> None:
        """Execute statements; one that fails poisons what it would have declared, and the next one is tried."""
        meter = self._evaluator.meter
        for statement in statements:
            mark = meter.mark()
            try:
                meter.enter(statement.span)
                self._statement(statement, scope)
            except Problem as problem:
                self.shared.sink.report(problem.diagnostic)
                meter.restore(mark)
                self._poison(statement, scope)
            except Poisoned:
                meter.restore(mark)
                self._poison(statement, scope)
            else:
                meter.restore(mark)

    def _statement(self, statement: tree.Statement, scope: Scope) -> None:
        match statement:
            case tree.Definition():
                self._definition(statement, scope)
            case tree.Core():
                self._core(statement, scope)
            case tree.Let():
                self._let(statement, scope)
            case tree.For():
                self._for(statement, scope)
            case tree.If():
                self._if(statement, scope)
            case tree.Input():
                self._input(statement, scope)
            case tree.Output():
                self._output(statement, scope)
            case tree.Function() | tree.Def():
                declare_function(statement, scope)
            case tree.Assert():
                self._assert(statement, scope)
            case tree.Require():
                if self.bindings is None:
                    self.shared.builder.requirements.extend(requirements(statement, scope, self._evaluator))
            case tree.Network() | tree.Import():
                what = "a network" if isinstance(statement, tree.Network) else "an import"
                fail("TN262", f"{what} stands at the top of a file, not inside a network", statement.span)
            case _:
                assert_never(statement)

    def _for(self, node: tree.For, scope: Scope) -> None:
        binder = node.binder
        span = binder_span(binder)
        scope.check_free(binder.name, span)
        items = self._evaluator.items(binder.iterable, scope)
        if not node.body:
            return
        for value in items:
            inner = Scope(scope)
            inner.names[binder.name] = Bound("loop", value, span)
            self.run(node.body, inner)

    def _if(self, node: tree.If, scope: Scope) -> None:
        for branch in node.branches:
            if self._evaluator.condition(branch.condition, scope):
                self.run(branch.body, Scope(scope))
                return
        if node.otherwise is not None:
            self.run(node.otherwise, Scope(scope))

    def _assert(self, node: tree.Assert, scope: Scope) -> None:
        if self._evaluator.condition(node.condition, scope):
            return
        message = node.message or "this assertion does not hold"
        for made in reversed(self.shared.sink.made):
            if not self.shared.is_library(made.span.source.name):
                fail("TN260", message, made.span, labels=(Label(node.span, "required here"),))
        fail("TN260", message, node.span)

    # -- poison --------------------------------------------------------------------------------

    def _poison(self, statement: tree.Statement, scope: Scope) -> None:
        """Mark what a failed statement would have declared, so that nothing more is said about it."""
        match statement:
            case tree.Core(path=path):
                self._poison_family(path, "core")
            case tree.Definition(path=path):
                self._poison_family(path, "intermediate")
            case tree.Input(name=name, span=span):
                self._poison_name(name, "input", span)
            case tree.Output(name=name):
                self.outputs[name] = None
            case tree.Let(path=path):
                self._poison_let(statement, path, scope)
            case tree.Function(name=name, span=span) | tree.Def(name=name, span=span):
                scope.names.setdefault(name, Bound("let", None, span))
            case tree.For(body=body):
                for inner in body:
                    self._poison(inner, Scope(scope))
            case tree.If(branches=branches, otherwise=otherwise):
                for block in [*(branch.body for branch in branches), otherwise or ()]:
                    for inner in block:
                        self._poison(inner, Scope(scope))
            case _:
                pass

    def _poison_let(self, statement: tree.Let, path: tree.Path, scope: Scope) -> None:
        name = path.parts[0].name
        entry = scope.find(name)
        if isinstance(entry, Instances):
            entry.poisoned = entry.poisoned or path.parts[0].subscripts is not None
        elif entry is None and isinstance(unwrapped(statement.value), tree.Call | tree.Conditional):
            # It might have become an instance, which the whole network would see.
            self.scope.names[name] = Bound("let", None, statement.span)
        elif entry is None:
            scope.names[name] = Bound("let", None, statement.span)

    def _poison_family(self, path: tree.Path, kind: str) -> None:
        if len(path.parts) == 1:
            self._poison_name(path.parts[0].name, kind, path.span)

    def _poison_name(self, name: str, kind: str, span: Span) -> None:
        entry = self.scope.find(name)
        if entry is None:
            entry = self.scope.names[name] = Family(kind, name, span)
        if isinstance(entry, Family) and (kind == "intermediate" or not entry.members):
            entry.poisoned = True
            if kind == "intermediate" and entry.kind == kind:
                entry.members.clear()

    # -- cores and inputs ----------------------------------------------------------------------

    def _core(self, node: tree.Core, scope: Scope) -> None:
        prefix, last = self._prefix(node.path, scope)
        key = ".".join([*prefix, last.name])
        family = self._family(key, "core", node.path.span, scope)
        subscripts = last.subscripts
        binders = [item for item in subscripts or () if isinstance(item, tree.Binder)]
        path = self._join(prefix)
        mark = self._evaluator.meter.mark()
        failed = False
        for inner in self._evaluator.loop(binders, scope):
            inside = self._evaluator.meter.mark()
            try:
                self._core_member(node, family, path, last, inner, scope)
            except (Problem, Poisoned) as error:
                if isinstance(error, Problem):
                    self.shared.sink.report(error.diagnostic)
                failed = True
                self._evaluator.meter.restore(inside)
        self._evaluator.meter.restore(mark)
        if failed:
            family.poisoned = True

    def _core_member(
        self, node: tree.Core, family: Family, path: str, last: tree.PathPart, inner: Scope, scope: Scope
    ) -> None:
        member = self._subscripts(last, inner)
        self._check_new(family.name, family.members, family.places, member, node, scope)
        family.members[member] = None
        family.places[member] = node.path.span
        reader = CoreReader(self._evaluator)
        shape, inputs = reader.shape(node, inner)
        name = CoreName(path, last.name, member)
        canonical = str(name)
        tensor = self.instance.cores.get(canonical)
        if tensor is None:
            init = reader.init(node.init, shape, inner)
            tensor = Tensor(canonical, shape, canonical, node.path.span)
            self.instance.cores[canonical] = tensor
            self.shared.builder.add_core(Parameter(name, shape, inputs, init, node.frozen, node.span), node.span)
            if self.bindings is None:
                self.shared.declared.tensors.append(("core", canonical, node.path.span, canonical))
        family.members[member] = tensor

    def _subscripts(self, part: tree.PathPart, scope: Scope) -> Subscripts:
        """The subscripts of a declaration; a binder stands for its value."""
        if part.subscripts is None:
            return None
        result: list[int] = []
        for item in part.subscripts:
            if isinstance(item, tree.Binder):
                bound = scope.find(item.name)
                assert isinstance(bound, Bound) and bound.value is not None
                result.append(self._evaluator.as_integer(bound.value, item.span, "a subscript"))
            elif isinstance(item, tree.Range):
                fail("TN232", "a family is declared with a binder", item.span, help=f"write `k in {item.span.text}`")
            else:
                result.append(self._evaluator.integer(item, scope, "a subscript"))
        return tuple(result)

    def _prefix(self, path: tree.Path, scope: Scope) -> tuple[list[str], tree.PathPart]:
        """The parts of a canonical dotted name before the last, as text, and the last."""
        prefix: list[str] = []
        for part in path.parts[:-1]:
            for item in part.subscripts or ():
                if isinstance(item, tree.Binder):
                    fail("TN232", "a binder stands in the last part of a name only", item.span)
            prefix.append(f"{part.name}{subscript_text(self._subscripts(part, scope))}")
        return prefix, path.parts[-1]

    def _join(self, prefix: Sequence[str]) -> str:
        return ".".join([*([self.instance.path] if self.instance.path else []), *prefix])

    def _family(self, key: str, kind: str, span: Span, scope: Scope) -> Family:
        """The family of a name, made if it is new."""
        entry = scope.find(key)
        if entry is None:
            entry = self.scope.names[key] = Family(kind, key, span)
        elif not isinstance(entry, Family) or entry.kind != kind:
            if kind == "intermediate" and not isinstance(entry, Bound) and entry.span is not None:
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

    def _check_new(
        self,
        name: str,
        members: dict[Subscripts, Tensor | None] | dict[Subscripts, Instance | None],
        places: dict[Subscripts, Span],
        member: Subscripts,
        node: tree.Core | tree.Let,
        scope: Scope,
    ) -> None:
        """Complain if a core or an instance exists already, or has another number of subscripts than its family."""
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
        check_rank(name, list(members)[:1], member, span, places)

    def _input(self, node: tree.Input, scope: Scope) -> None:
        span = name_span(node)
        scope.check_free(node.name, span)
        family = Family("input", node.name, span)
        self.scope.names[node.name] = family
        family.members[None] = None
        if self.bindings is None:
            shape = self._input_shape(node, scope)
            tensor = Tensor(node.name, shape, node.name, span)
            self.shared.builder.inputs.append(Input(node.name, shape, node.span))
            self.shared.declared.tensors.append(("input", node.name, span, node.name))
        else:
            tensor = self._bound_input(node, self.bindings, scope)
        family.members[None] = tensor

    def _input_shape(self, node: tree.Input, scope: Scope) -> tuple[Dim, ...]:
        shape: list[Dim] = []
        for dim in self.shared.sink.each(node.dims, lambda d: self._input_dims(d, scope)):
            shape.extend(dim)
        check_size(self._evaluator, shape, node.span)
        return tuple(shape)

    def _input_dims(self, dim: tree.Expr | tree.DynamicDim, scope: Scope) -> tuple[Dim, ...]:
        if isinstance(dim, tree.DynamicDim):
            self.sizes.setdefault(dim.name, dim.name)
            return (dim.name,)
        return dims(self._evaluator, dim, scope)

    def _bound_input(self, node: tree.Input, bindings: dict[str, tuple[Tensor, Span]], scope: Scope) -> Tensor:
        """What an instance's input is bound to, checked against the declaration."""
        if node.name not in bindings:
            fail(
                "TN263",
                f"input `{node.name}` of `{self.instance.shown}` is not bound",
                self.use_span,
                labels=(Label(name_span(node), "the input"),),
                help=f"bind it to a tensor: `{self.instance.shown}(…, {node.name} = h)`",
            )
        self.bound.add(node.name)
        tensor, span = bindings[node.name]
        declared = self._declared_dims(node, scope)
        if len(declared) != len(tensor.shape):
            self._mismatch(node, tensor, span, f"it has {len(declared)} axes, not {len(tensor.shape)}")
        for position, (dim, actual) in enumerate(zip(declared, tensor.shape, strict=True)):
            if isinstance(dim, tree.DynamicDim):
                expected = self.sizes.setdefault(dim.name, actual)
                if expected != actual:
                    self._mismatch(
                        node,
                        tensor,
                        span,
                        f"`{dim.name}` is {_dim_text(expected)} there already, not {_dim_text(actual)}",
                    )
            elif dim != actual:
                self._mismatch(node, tensor, span, f"its axis {position} is {dim}, not {_dim_text(actual)}")
        return Tensor(tensor.name, tensor.shape, tensor.shown, tensor.span)

    def _declared_dims(self, node: tree.Input, scope: Scope) -> list[int | tree.DynamicDim]:
        result: list[int | tree.DynamicDim] = []
        for dim in node.dims:
            if isinstance(dim, tree.DynamicDim):
                result.append(dim)
            else:
                result.extend(dims(self._evaluator, dim, scope))
        return result

    def _mismatch(self, node: tree.Input, tensor: Tensor, span: Span, why: str) -> None:
        fail(
            "TN210",
            f"`{tensor.shown}` does not fit input `{node.name}` of `{self.instance.shown}`: {why}",
            span,
            label=f"its shape is {shape_text(tensor.shape)}",
            labels=(Label(node.span, "the input is declared here"),),
        )

    # -- let -----------------------------------------------------------------------------------

    def _let(self, node: tree.Let, scope: Scope) -> None:
        if len(node.path.parts) > 1:
            fail("TN264", "a `let` has a plain name", node.path.span)
        part = node.path.parts[0]
        value = self._chosen(node.value, scope)
        network = self._called_network(value, scope)
        if network is not None:
            assert isinstance(value, tree.Call)
            self._let_instance(node, part, value, network, scope)
            return
        if part.subscripts is not None:
            fail(
                "TN264",
                "only an instance of a network can have subscripts",
                node.path.span,
                help=f"a list is made by a comprehension: `let {part.name} = [… for k in 0..n]`",
            )
        scope.check_free(part.name, node.path.span)
        scope.bind(part.name, let_value(self._evaluator, value, scope), node.path.span, "let")

    def _chosen(self, expr: tree.Expr, scope: Scope) -> tree.Expr:
        """The expression that a chain of conditionals comes down to."""
        while True:
            expr = unwrapped(expr)
            if not isinstance(expr, tree.Conditional):
                return expr
            expr = expr.value if self._evaluator.condition(expr.condition, scope) else expr.otherwise

    def _called_network(self, expr: tree.Expr, scope: Scope) -> NetworkValue | None:
        if not isinstance(expr, tree.Call):
            return None
        root = expr.function
        while isinstance(root, tree.Attribute):
            root = root.base
        entry = scope.find(root.text) if isinstance(root, tree.Name) else None
        if not isinstance(entry, Bound) or not isinstance(entry.value, NetworkValue | Namespace | StandardLibrary):
            return None
        function = self._evaluator.evaluate(expr.function, scope)
        return function if isinstance(function, NetworkValue) else None

    def _let_instance(
        self, node: tree.Let, part: tree.PathPart, call: tree.Call, network: NetworkValue, scope: Scope
    ) -> None:
        for item in part.subscripts or ():
            if isinstance(item, tree.Binder):
                fail(
                    "TN232",
                    "an instance is declared without binders",
                    item.span,
                    help="put it in a loop: `for k in 0..n { let t[k] = … }`",
                )
        member = self._subscripts(part, scope)
        entry = scope.find(part.name)
        if not isinstance(entry, Instances):
            scope.check_free(part.name, node.path.span)
            entry = self.scope.names[part.name] = Instances(part.name, node.path.span)
        self._check_new(part.name, entry.members, entry.places, member, node, scope)
        entry.members[member] = None
        entry.places[member] = node.path.span
        shown = f"{part.name}{subscript_text(member)}"
        given = self._evaluator.bind(call, parameters(network.node), f"`{network.shown}`", scope)
        meter = self._evaluator.meter
        meter.enter_call("an instance", node.span)
        made = Label(call.span, f"in the instance `{shown}` made here")
        self.shared.sink.made.append(made)
        try:
            inner = bind_parameters(network, given, self._evaluator, call.span)
            instance = Instance(self._join([shown]), shown, network, inner, node.span)
            if not declares(network.node.body, tree.Input):
                self._elaborate(instance, {}, call.span)
        finally:
            self.shared.sink.made.pop()
        meter.calls -= 1
        entry.members[member] = instance
        if self.bindings is None:
            self.shared.declared.instances.append(instance)

    def _elaborate(
        self, instance: Instance, bindings: dict[str, tuple[Tensor, Span]], span: Span
    ) -> dict[str, Tensor | None] | None:
        """The outputs of an instance for these bindings; None if that failed."""
        key = tuple(sorted((name, tensor.name) for name, (tensor, _) in bindings.items()))
        if key not in instance.results:
            instance.results[key] = None
            elaborator = NetworkElaborator(self.shared, instance, bindings, span)
            elaborator.execute()
            instance.results[key] = elaborator.outputs
            for name, (_, place) in bindings.items():
                if name not in elaborator.bound:
                    inputs = [
                        n for n, e in elaborator.scope.names.items() if isinstance(e, Family) and e.kind == "input"
                    ]
                    if not any(isinstance(e, Family) and e.poisoned for e in elaborator.scope.names.values()):
                        hint = did_you_mean(name, inputs) or (
                            f"its inputs are {', '.join(f'`{n}`' for n in inputs)}" if inputs else None
                        )
                        fail("TN204", f"`{instance.shown}` has no input `{name}`", place, help=hint)
        return instance.results[key]

    def _use_instance(self, use: InstanceOutput, named: Sequence[tree.Argument], scope: Scope, span: Span) -> Tensor:
        """The tensor of an instance's output, its inputs bound to whole tensors."""
        instance = use.instance
        instance.used = True
        bindings = {argument.name or "": self._whole(argument, scope) for argument in named}
        meter = self._evaluator.meter
        meter.enter_call("an instance", span)
        self.shared.sink.made.append(Label(instance.span, f"in the instance `{instance.shown}` made here"))
        try:
            outputs = self._elaborate(instance, bindings, span)
        finally:
            self.shared.sink.made.pop()
        meter.calls -= 1
        if outputs is None:
            raise Poisoned
        return self._output_of(use, outputs, span)

    def _output_of(self, use: InstanceOutput, outputs: dict[str, Tensor | None], span: Span) -> Tensor:
        instance = use.instance
        shown = ", ".join(f"`{instance.shown}.{name}`" for name in outputs)
        if use.output is None:
            if len(outputs) > 1:
                fail("TN265", f"`{instance.shown}` has {len(outputs)} outputs", use.span, help=f"pick one: {shown}")
            if not outputs:
                raise Poisoned
            tensor = next(iter(outputs.values()))
        else:
            if use.output not in outputs:
                hint = did_you_mean(use.output, outputs) or f"its outputs are {shown}"
                fail("TN203", f"`{instance.shown}` has no output `{use.output}`", use.span, help=hint)
            tensor = outputs[use.output]
        if tensor is None:
            raise Poisoned
        suffix = "" if use.output is None else f".{use.output}"
        return Tensor(tensor.name, tensor.shape, f"{instance.shown}{suffix}", tensor.span)

    def _whole(self, argument: tree.Argument, scope: Scope) -> tuple[Tensor, Span]:
        """The tensor that an input is bound to."""
        referent = None
        if isinstance(argument.value, tree.Name | tree.Subscript | tree.Attribute):
            referent = refer(argument.value, scope, self._evaluator)
        if referent is None:
            hint = "an input is bound to a whole tensor, without legs: `x = h`"
            fail("TN263", f"input `{argument.name}` must be bound to a tensor", argument.value.span, help=hint)
        if isinstance(referent, InstanceOutput):
            return self._use_instance(referent, [], scope, argument.value.span), argument.value.span
        return referent, argument.value.span

    # -- definitions ---------------------------------------------------------------------------

    def _definition(self, node: tree.Definition, scope: Scope) -> None:
        prefix, last = self._prefix(node.path, scope)
        for item in last.subscripts or ():
            if isinstance(item, tree.Binder):
                fail(
                    "TN232",
                    "a tensor is defined without binders",
                    item.span,
                    help="put it in a loop: `for k in 0..n { h[k](…) = … }`",
                )
        member = self._subscripts(last, scope)
        key = ".".join([*prefix, last.name])
        existing = scope.find(key)
        if existing is not None:
            family = self._family(key, "intermediate", node.path.span, scope)
            check_rank(key, list(family.members)[:1], member, node.path.span, family.places)
        name = TensorName(self._join(prefix), last.name, member)
        shown = f"{key}{subscript_text(member)}"
        try:
            lowered = self._lower(name, node.legs, node.reshape, node.value, node.span, scope)
        except (Problem, Poisoned):
            if existing is not None or len(node.path.parts) > 1:
                self._family(key, "intermediate", node.path.span, scope).members[member] = None
            raise
        family = self._family(key, "intermediate", node.path.span, scope)
        family.members[member] = Tensor(lowered.tensor, lowered.shape, shown, node.path.span)
        family.places[member] = node.path.span
        if self.bindings is None and lowered.statements:
            self.shared.declared.tensors.append(("tensor", lowered.tensor, node.path.span, shown))

    def _lower(
        self,
        name: TensorName,
        left: Sequence[tree.Argument],
        reshape: Sequence[tree.Argument] | None,
        value: tree.Expr,
        span: Span,
        scope: Scope,
    ) -> Lowered:
        """The statements of a definition, added to the Program."""
        evaluator = self._evaluator
        legs = LegReader(evaluator, self._lint)
        side = LeftSide(evaluator, legs, self.sizes)
        resolver = Resolver(evaluator, legs, self._use_instance)
        failed = False
        mark = evaluator.meter.mark()
        try:
            axes, shape = side.axes(left, scope), side.reshape(reshape, scope)
        except (Problem, Poisoned) as error:
            if isinstance(error, Problem):
                self.shared.sink.report(error.diagnostic)
            evaluator.meter.restore(mark)
            axes, shape, failed = (), None, True
        expression = resolver.expression(value, scope)
        if failed:
            raise Poisoned
        provisional = self.shared.builder.provisional(name)
        definition = Definition(provisional, axes, shape, expression, span)
        lowered = lower_definition(definition, self.shared.builder.fresh(name), evaluator.meter.limits)
        if not isinstance(lowered, Lowered):
            for diagnostic in lowered:
                self.shared.sink.report(diagnostic)
            raise Poisoned
        if self._lint:
            for lint in lowered.lints:
                self.shared.sink.report(lint)
        self.shared.builder.add_statements(lowered.statements, span)
        return lowered

    def _output(self, node: tree.Output, scope: Scope) -> None:
        span = name_span(node)
        if node.name in self.output_spans:
            fail(
                "TN209",
                f"output `{node.name}` is declared twice",
                span,
                labels=(Label(self.output_spans[node.name], "first declared here"),)
                if self.output_spans[node.name] != span
                else (),
                help="outputs have no subscripts; give each a name of its own",
            )
        self.output_spans[node.name] = span
        name = TensorName(self.instance.path, node.name)
        lowered = self._lower(name, node.legs, node.reshape, node.value, node.span, scope)
        check_size(self._evaluator, lowered.shape, node.span)
        self.outputs[node.name] = Tensor(lowered.tensor, lowered.shape, node.name, span)
        if self.bindings is None:
            std = (
                None if node.std is None else output_std(node.std, lowered.shape, lowered.axes, scope, self._evaluator)
            )
            self.shared.builder.outputs.append(Output(node.name, lowered.tensor, lowered.axes, std, node.span))


def _dim_text(dim: Dim) -> str:
    return str(dim) if isinstance(dim, int) else f"dynamic (`{dim}?`)"


def check_rank(
    name: str, others: Sequence[Subscripts], member: Subscripts, span: Span, places: dict[Subscripts, Span]
) -> None:
    """Complain if a member has another number of subscripts than the rest of its family."""
    if not others:
        return
    other = others[0]
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
    stack = list(statements)
    while stack:
        statement = stack.pop()
        match statement:
            case tree.For(body=body):
                stack.extend(body)
            case tree.If(branches=branches, otherwise=otherwise):
                for branch in branches:
                    stack.extend(branch.body)
                stack.extend(otherwise or ())
            case _ if isinstance(statement, kind):
                return True
            case _:
                pass
    return False
