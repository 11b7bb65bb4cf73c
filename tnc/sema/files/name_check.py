"""Names that nothing declares, found without executing anything.

Elaboration sees what is executed only: not the body of a template, nor a branch that is not taken. Here every
name is looked up in all that its network declares anywhere, so that what is reported can be right under no arguments.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import assert_never

from tnc.diagnostics import Diagnostic
from tnc.diagnostics.suggest import did_you_mean, unknown
from tnc.sema.files.loader import Module, standard_names
from tnc.sema.names.broken import BrokenText
from tnc.sema.names.scope import Bound, Helper, Namespace, UserFunction
from tnc.sema.names.walk import children, names, statements_in, unwrapped
from tnc.sema.problem import Sink
from tnc.sema.values.builtins import ACTIVATION_PARAMETERS, BUILTIN_NAMES, COMPILE_TIME, INIT_KINDS
from tnc.sema.values.evaluate import exports
from tnc.source import Span
from tnc.syntax import tree


def check_names(module: Module, broken: BrokenText, sink: Sink) -> None:
    """Report the unknown names of a file, and the imports that it does not use."""
    imports = {
        name: entry.value
        for name, entry in module.scope.names.items()
        if isinstance(entry, Bound) and isinstance(entry.value, Namespace)
    }
    used: set[str] = set()
    top = {*module.scope.names, *BUILTIN_NAMES, "std"}
    for statement in module.file.statements:
        match statement:
            case tree.Network():
                known = top | {p.name for p in statement.parameters} | set(_declared(statement.body))
                checker = _Checker(
                    broken, sink, known, imports, used, _with_legs(statement.body, module), _sizes(statement.body)
                )
                for parameter in statement.parameters:
                    checker.optional(parameter.default)
                checker.block(statement.body)
            case tree.Function() | tree.Def():
                _Checker(broken, sink, top, imports, used, {}, set()).function(statement)
            case tree.Let(value=value) | tree.Application(value=value):
                used.update(_roots(value))
            case tree.Assert(condition=condition):
                used.update(_roots(condition))
            case _:
                pass
    for name, (_, span) in module.imports.items():
        if name not in used and not broken.mentions(name, span):
            sink.report(Diagnostic("TN806", f"import `{name}` is never used", span, help="remove it"))


def _declared(body: Iterable[tree.Statement]) -> Iterator[str]:
    for statement in statements_in(body):
        match statement:
            case tree.Core(path=path) | tree.Let(path=path) | tree.Definition(path=path):
                yield path.parts[0].name
            case tree.Input(name=name) | tree.Function(name=name) | tree.Def(name=name):
                yield name
            case tree.For(binder=binder):
                yield binder.name
            case _:
                pass


def _sizes(body: Iterable[tree.Statement]) -> set[str]:
    """The names of dynamic dimensions."""
    inputs = [statement for statement in statements_in(body) if isinstance(statement, tree.Input)]
    return {dim.name for node in inputs for dim in node.dims if isinstance(dim, tree.DynamicDim)}


def _with_legs(body: Iterable[tree.Statement], module: Module) -> dict[str, bool]:
    """Names whose calls take legs: tensors, and (true) what a `let` may make an instance of a network."""
    result: dict[str, bool] = {}
    for statement in statements_in(body):
        match statement:
            case tree.Core(path=path) | tree.Definition(path=path):
                result[path.parts[0].name] = False
            case tree.Input(name=name):
                result[name] = False
            case tree.Let(path=path, value=value) if any(name in result for name in _roots(value)):
                result[path.parts[0].name] = False  # elaboration reports it: a tensor is not a value
            case tree.Let(path=path, value=value) if any(_makes_instance(v, module) for v in _branches(value)):
                result[path.parts[0].name] = True
            case _:
                pass
    return result


def _branches(expr: tree.Expr) -> Iterator[tree.Expr]:
    stack = [expr]
    while stack:
        expr = unwrapped(stack.pop())
        if isinstance(expr, tree.Conditional):
            stack.extend((expr.value, expr.otherwise))
        else:
            yield expr


def _makes_instance(expr: tree.Expr, module: Module) -> bool:
    if not isinstance(expr, tree.Call):
        return False
    if isinstance(expr.function, tree.Attribute):
        return True
    entry = module.scope.names.get(expr.function.text) if isinstance(expr.function, tree.Name) else None
    return isinstance(entry, Bound) and entry.kind == "network"


def _roots(expr: tree.Expr) -> Iterator[str]:
    stack = [expr]
    while stack:
        node = stack.pop()
        if isinstance(node, tree.Name):
            yield node.text
        stack.extend(children(node))


_CONTRACTION = "a contraction is a product whose legs say what is summed: `a(i, j) * b(j, k)`"
_FOREIGN = {
    **dict.fromkeys(("einsum", "matmul", "dot", "tensordot", "mm", "bmm", "contract"), _CONTRACTION),
    "softmax": "activations work entry by entry; `rms` alone looks at the whole tensor",
    "transpose": "the order of the legs says it: `h(j, i) = a(i, j)`",
    "reshape": "a definition reshapes on its left: `h(i, j) reshape(6) = a(i, j)`",
    "swish": "it is called `silu`",
    "eye": "the copy tensor is `delta(i, j)`",
    "None": "there is no such value: leave the argument out",
}
"""What other languages call it."""


_DEVIATIONS = {"xavier": "glorot", "kaiming": "he"}
"""What other frameworks call the deviation of an output."""

_SURE = 0.75
"""How like a name must be to be suggested where something else is as likely."""


@dataclass(frozen=True, slots=True)
class _Checker:
    """Looks names up; ``with_legs`` are those whose calls take legs, ``sizes`` the dynamic dimensions.

    ``local`` are the variables of comprehensions and folds, and the parameters of functions, around what is looked
    at; ``turns`` those of loops; ``folded`` those of folds beside it.
    """

    broken: BrokenText
    sink: Sink
    known: set[str]
    imports: dict[str, Namespace]
    used: set[str]
    with_legs: dict[str, bool]
    sizes: set[str]
    local: list[str] = field(default_factory=list[str])
    folded: list[str] = field(default_factory=list[str])
    turns: list[str] = field(default_factory=list[str])

    # -- statements ----------------------------------------------------------------------------

    def block(self, statements: Sequence[tree.Statement]) -> None:
        for statement in statements:
            self._statement(statement)

    def _statement(self, statement: tree.Statement) -> None:
        match statement:
            case tree.Definition() | tree.Output():
                self._definition(statement)
            case tree.Core():
                self._core(statement)
            case tree.Let(path=path, value=value):
                self._path(path)
                self.value(value)
            case tree.Input(dims=dims, values=values):
                self._dims(dims)
                self._input_values(values)
            case tree.Function() | tree.Def():
                self.function(statement)
            case tree.For(binder=binder, body=body):
                self.value(binder.iterable)
                self.turns.append(binder.name)
                self.block(body)
                self.turns.pop()
            case tree.If(branches=branches, otherwise=otherwise):
                for branch in branches:
                    self.value(branch.condition)
                    self.block(branch.body)
                self.block(otherwise or ())
            case tree.Assert(condition=condition):
                self.value(condition)
            case tree.Require(condition=condition):
                self._require(condition)
            case tree.Network() | tree.Application() | tree.Import():
                pass
            case _:
                assert_never(statement)

    def _input_values(self, values: tree.InputValues | None) -> None:
        match values:
            case tree.InputStd(value=value) | tree.Index(count=value):
                self.value(value)
            case tree.OneHot() | None:
                pass
            case _:
                assert_never(values)

    def _require(self, condition: tree.Expr) -> None:
        """Unknown names in a budget are as a rule metrics: elaboration says so, with their names."""
        for name in names(condition):
            self.used.add(name.text)

    def _definition(self, node: tree.Definition | tree.Output) -> None:
        depth = len(self.local)
        if isinstance(node, tree.Definition):
            self._bind([i for part in node.path.parts for i in part.subscripts or () if isinstance(i, tree.Binder)])
            self._path(node.path)
        else:
            kind = node.std
            if isinstance(kind, tree.Name) and kind.text in _DEVIATIONS:
                self._name(kind.text, kind.span, hint=f"it is called `{_DEVIATIONS[kind.text]}`")
            elif not (isinstance(kind, tree.Name) and kind.text in ("he", "glorot")):
                self.optional(kind)
        for argument in node.legs:
            self._size(argument.crop)
            self.legs(argument.value)
        for argument in node.reshape or ():
            self._size(argument.value)
        self.tensor(node.value)
        del self.local[depth:]

    def _size(self, value: tree.Expr | None) -> None:
        """A number, or the name of a dynamic size."""
        if not (isinstance(value, tree.Name) and value.text in self.sizes):
            self.optional(value)

    def _dims(self, dims: Iterable[tree.Expr | tree.DynamicDim]) -> None:
        """Dimensions of an input: an unknown name may be meant to be a dynamic one."""
        for dim in dims:
            if isinstance(dim, tree.Name) and dim.text not in self.known | {*self.local}:
                name = dim.text if dim.text != "None" else "batch"
                hint = f"a dimension that is known at run time only has a question mark: `{name}?`"
                self._name(dim.text, dim.span, hint=hint)
            elif not isinstance(dim, tree.DynamicDim):
                self.value(dim)

    def _core(self, node: tree.Core) -> None:
        binders = [item for part in node.path.parts for item in part.subscripts or () if isinstance(item, tree.Binder)]
        depth = self._bind(binders)
        self._path(node.path)
        self.values([*node.dims, *(node.outputs or ())])
        init = None if node.init is None else unwrapped(node.init)
        match init:
            case tree.Name(text=name) if name in INIT_KINDS:
                pass
            case tree.Call(function=tree.Name(), arguments=arguments):
                self.values(argument.value for argument in arguments)
            case tree.Name() | tree.Conditional():
                pass  # an unknown kind of initialisation is not an unknown name
            case _:
                self.optional(init)
        del self.local[depth:]

    def _path(self, path: tree.Path) -> None:
        for part in path.parts:
            self.values(item for item in part.subscripts or () if not isinstance(item, tree.Binder))

    def function(self, node: tree.Function | tree.Def) -> None:
        """The body of a `fn` or `def`, which sees its parameters."""
        depth = len(self.local)
        for parameter in node.parameters:
            self.optional(parameter.default)
            self.local.append(parameter.name)
        self.value(node.body)
        del self.local[depth:]

    # -- expressions ---------------------------------------------------------------------------

    def optional(self, expr: tree.Expr | None) -> None:
        if expr is not None:
            self.value(expr)

    def values(self, exprs: Iterable[tree.Expr]) -> None:
        for expr in exprs:
            self.value(expr)

    def value(self, expr: tree.Expr) -> None:
        """An expression in which every name must be known."""
        match expr:
            case tree.Arithmetic(operands=operands):
                depth = self._fold_names(operands)
                self.values(operands)
                del self.folded[depth:]
            case tree.Name(text=text):
                self._name(text, expr.span)
            case tree.Number(text=text):
                self._unit(text.lstrip("0123456789."), expr.span)
            case tree.Attribute(base=tree.Name(text=base), name=name):
                self._name(base, expr.base.span)
                self._member(base, name, expr.span)
            case tree.Call(function=tree.Name(text=text)) if text in self.with_legs:
                self._call(expr)
            case tree.Call(function=function, arguments=arguments):
                self.value(function)
                for argument in arguments:
                    self._argument(argument)
            case tree.Comprehension(element=element, binders=binders, condition=condition):
                depth = self._bind(binders)
                self.value(element)
                self.optional(condition)
                del self.local[depth:]
            case tree.Fold(binders=binders, body=body):
                depth = self._bind(binders)
                self.value(body)
                del self.local[depth:]
            case _:
                self.values(children(expr))

    def _argument(self, argument: tree.Argument) -> None:
        """An argument of a network or a helper: a name alone, after the parameter's, may be a string without quotes."""
        if argument.name is not None and isinstance(argument.value, tree.Name):
            text = argument.value.text
            self._name(text, argument.value.span, otherwise=f'if a string is meant, put it in quotes: `"{text}"`')
        else:
            self.value(argument.value)

    def tensor(self, expr: tree.Expr) -> None:
        """An expression in which the arguments of tensors are legs."""
        match expr:
            case tree.Call():
                self._call(expr)
            case tree.Fold(binders=binders, body=body):
                depth = self._bind(binders)
                self.tensor(body)
                del self.local[depth:]
            case tree.Conditional(condition=condition, value=value, otherwise=otherwise):
                self.value(condition)
                self.tensor(value)
                self.tensor(otherwise)
            case tree.Arithmetic(operands=operands):
                depth = self._fold_names(operands)
                for operand in operands:
                    self.tensor(operand)
                del self.folded[depth:]
            case tree.Group() | tree.Unary() | tree.Power():
                for child in children(expr):
                    self.tensor(child)
            case tree.Subscript(base=tree.Name(text=text), items=items) if text in self.with_legs:
                self._name(text, expr.base.span)
                legs = ", ".join(item.span.text for item in items)
                self._subscripts(items, f"legs stand in round brackets: `{text}({legs})`")
            case _:
                self.value(expr)

    def _call(self, expr: tree.Call) -> None:
        root = expr.function
        while isinstance(root, tree.Attribute | tree.Subscript):
            if isinstance(root, tree.Subscript):
                self.values(root.items)
            root = root.base
        if not isinstance(root, tree.Name):
            self.value(root)
            for argument in expr.arguments:
                if isinstance(root, tree.Call):  # an instance used where it is made, which elaboration reports
                    self.legs(argument.value)
                else:
                    self.tensor(argument.value)
            return
        name = root.text
        if not self._name(name, root.span, "tensor or function"):
            return
        if isinstance(expr.function, tree.Attribute) and name not in self.with_legs:
            self._namespaced(name, expr.function, expr)
            return
        if name in ("delta", "ones") or name in self.with_legs:
            for argument in expr.arguments:
                if argument.name is not None and self.with_legs.get(name):
                    self.value(argument.value)
                else:
                    self.legs(argument.value)
        elif name in COMPILE_TIME and name not in ACTIVATION_PARAMETERS:
            self.values(argument.value for argument in expr.arguments)
        else:
            for argument in expr.arguments:
                self.tensor(argument.value)

    def _namespaced(self, base: str, function: tree.Attribute, expr: tree.Call) -> None:
        """`lib.f(e)` applies a function, `lib.half(n)` calls a helper; `tree.iso(i)` is a canonical name."""
        self._member(base, function.name, function.span)
        member = self.imports[base].members.get(function.name) if base in self.imports else None
        if isinstance(member, UserFunction):
            for argument in expr.arguments:
                self.tensor(argument.value)
        elif isinstance(member, Helper):
            self.values(argument.value for argument in expr.arguments)

    def legs(self, expr: tree.Expr) -> None:
        """A leg: its name may be anything, what stands in its brackets may not."""
        match expr:
            case tree.Name():
                pass
            case tree.Subscript(base=tree.Name(), items=items):
                self.values(items)
            case tree.List(items=items):
                self._subscripts(items, "`[k]` picks an entry at compile time; a leg stands without brackets: `{}`")
            case tree.Group(items=items):
                for item in items:
                    self.legs(item)
            case tree.Call(arguments=arguments):
                for argument in arguments:
                    self.legs(argument.value)
            case tree.Conditional(condition=condition, value=value, otherwise=otherwise):
                self.value(condition)
                self.legs(value)
                self.legs(otherwise)
            case _:
                pass

    def _is_tensor(self, function: tree.Expr) -> bool:
        return isinstance(function, tree.Name) and function.text in self.with_legs

    def _subscripts(self, items: Iterable[tree.Expr], advice: str) -> None:
        """What stands in square brackets; a name that nothing declares may be meant to be a leg."""
        for item in items:
            if isinstance(item, tree.Name):
                self._name(item.text, item.span, otherwise=advice.format(item.text))
            elif isinstance(item, tree.Call) and self._is_tensor(item.function):
                self.tensor(item)
            else:
                self.value(item)

    def _bind(self, binders: Sequence[tree.Binder]) -> int:
        depth = len(self.local)
        for binder in binders:
            self.value(binder.iterable)
            self.local.append(binder.name)
        return depth

    def _fold_names(self, operands: Sequence[tree.Expr]) -> int:
        """Note what `prod(k in …)` and `sum(k in …)` bind among these operands, for who uses it beside them."""
        depth = len(self.folded)
        self.folded.extend(b.name for operand in operands if isinstance(operand, tree.Fold) for b in operand.binders)
        return depth

    def _name(
        self, name: str, span: Span, what: str = "name", hint: str | None = None, otherwise: str | None = None
    ) -> bool:
        """Whether a name is known; if not, ``hint`` is what to do, or ``otherwise`` where nothing is much like it."""
        self.used.add(name)
        if name in self.known or name in self.local or name.endswith("'"):
            return True
        if not self.broken.mentions(name, span):
            likeness = 0.6 if otherwise is None else _SURE
            near = did_you_mean(name, {*self.known, *self.local, "true", "false"}, likeness)
            hint = hint or _FOREIGN.get(name) or near or otherwise
            if name in self.folded:
                hint = f"a fold over `{name}` binds to the next factor only; put brackets around all that is meant"
            elif name in self.sizes:
                hint = f"the size `{name}?` is known at run time only"
            self.sink.report(Diagnostic("TN201", f"{what} `{name}` is not declared", span, "not declared", (), hint))
        return False

    def _unit(self, unit: str, span: Span) -> None:
        """`2k` is 2000, which nobody means where `k` counts."""
        if unit in self.turns or unit in self.local:
            number = span.text.removesuffix(unit)
            message = f"`{span.text}` is a number with a unit, not a product with `{unit}`"
            hint = f"write `{number} * {unit}`, or the number without a unit"
            self.sink.report(Diagnostic("TN103", message, span, help=hint))

    def _member(self, base: str, name: str, span: Span) -> None:
        if base in self.local:
            return
        if base == "std":
            if name not in standard_names():
                self.sink.report(unknown("TN203", "network", f"std.{name}", standard_names("std."), span))
            return
        if base not in self.imports or not self.imports[base].complete:
            return
        members = self.imports[base].members
        if name not in members:
            hint = did_you_mean(name, members) or exports(base, members)
            self.sink.report(Diagnostic("TN203", f"`{base}` has no `{name}`", span, help=hint))
