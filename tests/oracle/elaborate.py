"""From the syntax tree to definitions whose names are looked up and whose loops are unrolled."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from itertools import product as cartesian
from pathlib import Path
from typing import TypeAlias

from tnc.limits import Limits
from tnc.source import Source
from tnc.syntax import parse, tree

from . import compile_time
from .pointwise import ACTIVATIONS, SCALAR_FUNCTIONS
from .primes import untouched
from .values import (
    NODES,
    Activated,
    Applied,
    Axis,
    BoundTensor,
    Builtin,
    Conjugated,
    CoreTensor,
    DefinedTensor,
    Delta,
    Digit,
    Entry,
    InputTensor,
    Instance,
    LeftAxis,
    Leg,
    Module,
    NetworkValue,
    Node,
    Normalised,
    Ones,
    OracleError,
    Pending,
    Pick,
    Product,
    Scalar,
    Scale,
    StandardLibrary,
    Sum,
    Tensor,
    Use,
    UserDef,
    UserFunction,
    Value,
)

STANDARD = Path(__file__).parents[2] / "grammar" / "std"
INITS = frozenset({"normal", "uniform", "orthogonal", "identity", "zeros", "ones", "glorot", "he", "auto"})
TENSOR_FUNCTIONS = frozenset({*ACTIVATIONS, *SCALAR_FUNCTIONS, "rms", "identity", "conj", "delta"})

Read: TypeAlias = Callable[[str, str], str]
"""(path as written, name of the importing file) → text."""


@dataclass(eq=False)
class Frame:
    """One elaboration of a network: what is network-scoped."""

    path: str
    cores: list[CoreTensor]
    tensors: dict[str, Tensor] = field(default_factory=dict[str, Tensor])
    values: dict[str, Value] = field(default_factory=dict[str, Value])
    inputs: list[InputTensor] = field(default_factory=list[InputTensor])
    outputs: dict[str, DefinedTensor] = field(default_factory=dict[str, DefinedTensor])

    def inside(self, name: str) -> str:
        """The canonical name of something declared here."""
        return f"{self.path}.{name}" if self.path else name


@dataclass(eq=False)
class Scope:
    """Block-scoped names; ``pointwise`` within the body of a ``fn``."""

    names: dict[str, Value]
    parent: Scope | None
    frame: Frame | None
    pointwise: bool = False

    def find(self, name: str) -> Value | None:
        """What a name stands for, or None."""
        scope: Scope | None = self
        while scope is not None:
            if name in scope.names:
                return scope.names[name]
            scope = scope.parent
        return None

    def within(self, names: dict[str, Value] | None = None) -> Scope:
        """A block inside this one."""
        return Scope({} if names is None else names, self, self.frame, self.pointwise)


# -- files ---------------------------------------------------------------------------------------


def parse_text(name: str, text: str) -> tree.File:
    """The tree of a text without errors."""
    file, diagnostics = parse(Source(name, text), Limits())
    errors = [d for d in diagnostics if d.severity == "error"]
    if errors:
        raise OracleError("; ".join(f"{d.code}: {d.message}" for d in errors))
    return file


def load_module(file: tree.File, read: Read) -> Module:
    """The names that a file defines; networks, fns and defs may name each other."""
    names: dict[str, Value] = {}
    scope = Scope(names, None, None)
    for statement in file.statements:
        match statement:
            case tree.Network():
                names[statement.name] = NetworkValue(statement, scope)
            case tree.Def():
                names[statement.name] = UserDef(statement, scope)
            case tree.Function():
                names[statement.name] = UserFunction(statement, scope)
            case _:
                pass
    for statement in file.statements:
        match statement:
            case tree.Let():
                names[statement.path.parts[0].name] = evaluate(statement.value, scope)
            case tree.Import():
                text = read(statement.path, file.source.name)
                module = load_module(parse_text(statement.path, text), read)
                names[statement.alias or Path(statement.path).stem] = module
            case tree.Assert():
                _assert(statement, scope)
            case _:
                pass
    applications = [statement for statement in file.statements if isinstance(statement, tree.Application)]
    while applications:
        node = applications.pop(0)
        callee = node.value.function if isinstance(node.value, tree.Call) else node.value
        if isinstance(callee, tree.Name) and callee.text in {other.name for other in applications}:
            applications.append(node)  # after the one that it applies
            continue
        pending = evaluate(node.value, scope)
        if not isinstance(pending, Pending):
            raise OracleError(f"{node.name} applies no network")
        names[node.name] = NetworkValue(pending.network.syntax, pending.network.scope, pending.arguments)
    return Module(names)


def standard(library: StandardLibrary, name: str) -> Value:
    """``std.name``."""
    if name not in library.loaded:
        path = STANDARD / f"{name}.tn"
        module = load_module(parse_text(str(path), path.read_text(encoding="utf-8")), _no_imports)
        library.loaded[name] = module.names[name]
    return library.loaded[name]


def _no_imports(path: str, importer: str) -> str:
    raise OracleError(f"{importer} imports {path}")


# -- networks ------------------------------------------------------------------------------------


def instantiate(pending: Pending, path: str, cores: list[CoreTensor]) -> Frame:
    """Elaborate a network under a path."""
    frame = Frame(path, cores)
    scope = Scope({}, pending.network.scope, frame)
    for parameter in pending.network.syntax.parameters:
        if parameter.name in pending.arguments:
            scope.names[parameter.name] = pending.arguments[parameter.name]
        elif parameter.default is not None:
            scope.names[parameter.name] = evaluate(parameter.default, scope)
        else:
            raise OracleError(f"{pending.network.syntax.name} misses {parameter.name}")
    run(pending.network.syntax.body, scope, frame)
    return frame


def run(statements: Sequence[tree.Statement], scope: Scope, frame: Frame) -> None:
    """Execute statements in order."""
    for statement in statements:
        match statement:
            case tree.Core():
                _core(statement, scope, frame)
            case tree.Input():
                dims = tuple(_input_dims(statement, scope))
                is_index = isinstance(statement.values, tree.Index)
                if isinstance(statement.values, tree.Index):
                    dims = (*dims, compile_time.integer(evaluate(statement.values.count, scope)))
                tensor = InputTensor(statement.name, dims, is_index)
                frame.inputs.append(tensor)
                frame.tensors[statement.name] = tensor
            case tree.Let():
                _let(statement, scope, frame)
            case tree.Definition():
                name = _declared(statement.path, scope)
                frame.tensors[name] = _defined(name, statement, scope)
            case tree.Output():
                frame.outputs[statement.name] = _defined(statement.name, statement, scope)
            case tree.Function():
                scope.names[statement.name] = UserFunction(statement, scope)
            case tree.Def():
                scope.names[statement.name] = UserDef(statement, scope)
            case tree.For():
                for value in _iterable(statement.binder.iterable, scope):
                    run(statement.body, scope.within({statement.binder.name: value}), frame)
            case tree.If():
                _if(statement, scope, frame)
            case tree.Assert():
                _assert(statement, scope)
            case tree.Require():
                pass
            case tree.Network() | tree.Application() | tree.Import():
                raise OracleError("networks and imports stand at the top of a file")


def _if(statement: tree.If, scope: Scope, frame: Frame) -> None:
    for branch in statement.branches:
        if compile_time.boolean(evaluate(branch.condition, scope)):
            run(branch.body, scope.within(), frame)
            return
    if statement.otherwise is not None:
        run(statement.otherwise, scope.within(), frame)


def _assert(statement: tree.Assert, scope: Scope) -> None:
    if not compile_time.boolean(evaluate(statement.condition, scope)):
        raise OracleError(f"assert: {statement.message}")


def _input_dims(statement: tree.Input, scope: Scope) -> Iterator[int | str]:
    for dim in statement.dims:
        if isinstance(dim, tree.DynamicDim):
            yield dim.name
        else:
            yield from _dims((dim,), scope)


def _dims(expressions: Sequence[tree.Expr], scope: Scope) -> tuple[int, ...]:
    """Dimensions; a list is spliced."""
    dims: list[int] = []
    for expression in expressions:
        value = evaluate(expression, scope)
        entries = compile_time.items(value) if compile_time.is_list(value) else [value]
        dims.extend(compile_time.integer(entry) for entry in entries)
    return tuple(dims)


def _core(statement: tree.Core, scope: Scope, frame: Frame) -> None:
    for name, inner in _members(statement.path, scope):
        left = _dims(statement.dims, inner)
        if statement.outputs is None:
            shape, inputs = left, min(len(left), max(1, len(left) // 2))
        else:
            shape, inputs = left + _dims(statement.outputs, inner), len(left)
        init = _init(statement.init, inner)
        seed = None if statement.seed is None else compile_time.integer(evaluate(statement.seed, inner))
        if seed is not None and (not statement.frozen or not 0 <= seed < 2**64):
            raise OracleError(f"the seed of {name}")
        core = CoreTensor(frame.inside(name), shape, inputs, init, statement.frozen, statement.complex, seed)
        if name in frame.tensors:
            raise OracleError(f"{name} is declared twice")
        frame.cores.append(core)
        frame.tensors[name] = core


def _init(expression: tree.Expr | None, scope: Scope) -> tuple[str, tuple[float, ...]]:
    """The kind of an initialisation and its numbers."""
    match expression:
        case None:
            return ("auto", ())
        case tree.Name(text=text) if text in INITS and scope.find(text) is None:
            return (text, ())
        case tree.Call(function=tree.Name(text=text), arguments=arguments) if text in INITS:
            return (text, tuple(float(compile_time.number(evaluate(a.value, scope))) for a in arguments))
        case _:
            value = evaluate(expression, scope)
    if compile_time.is_list(value):
        return ("entries", tuple(float(compile_time.number(v)) for v in compile_time.items(value)))
    return ("constant", (float(compile_time.number(value)),))


def _members(path: tree.Path, scope: Scope) -> Iterator[tuple[str, Scope]]:
    """The names that a declared path stands for, each with a scope that knows its subscripts."""

    def extend(parts: tuple[tree.PathPart, ...], prefix: str, inner: Scope) -> Iterator[tuple[str, Scope]]:
        if not parts:
            yield prefix, inner
            return
        part = parts[0]
        name = f"{prefix}.{part.name}" if prefix else part.name
        if part.subscripts is None:
            yield from extend(parts[1:], name, inner)
            return
        for subscripts, deeper in _subscripts(part.subscripts, inner):
            yield from extend(parts[1:], f"{name}[{', '.join(map(str, subscripts))}]", deeper)

    yield from extend(path.parts, "", scope)


def _subscripts(items: tuple[tree.Expr | tree.Binder, ...], scope: Scope) -> Iterator[tuple[tuple[int, ...], Scope]]:
    if not items:
        yield (), scope
        return
    first, rest = items[0], items[1:]
    if isinstance(first, tree.Binder):
        values = [compile_time.integer(v) for v in _iterable(first.iterable, scope)]
        scopes = [scope.within({first.name: v}) for v in values]
    else:
        values, scopes = [compile_time.integer(evaluate(first, scope))], [scope]
    for value, inner in zip(values, scopes, strict=True):
        for tail, deeper in _subscripts(rest, inner):
            yield (value, *tail), deeper


def _declared(path: tree.Path, scope: Scope) -> str:
    names = [name for name, _ in _members(path, scope)]
    if len(names) != 1:
        raise OracleError("one definition defines one tensor")
    return names[0]


def _let(statement: tree.Let, scope: Scope, frame: Frame) -> None:
    for name, inner in _members(statement.path, scope):
        value = evaluate(statement.value, inner)
        if isinstance(value, Pending):
            frame.values[name] = Instance(instantiate(value, frame.inside(name), frame.cores))
        else:
            scope.names[name] = value


# -- definitions ---------------------------------------------------------------------------------


def _defined(name: str, statement: tree.Definition | tree.Output, scope: Scope) -> DefinedTensor:
    left = tuple(_left(statement.legs, scope))
    value = node(evaluate(statement.value, scope))
    reshape: list[int | str] | None = None
    names: tuple[str | None, ...] = tuple(axis.name for axis in left)
    if statement.reshape is not None:
        reshape = []
        for argument in statement.reshape:
            match argument.value:
                case tree.Name(text=text) if scope.find(text) is None:
                    reshape.append(text)
                case expression:
                    reshape.extend(_dims((expression,), scope))
        names = tuple(a.name for a in statement.reshape)
    value = untouched(value, tuple(leg for axis in left for leg in axis.legs))
    return DefinedTensor(name, left, None if reshape is None else tuple(reshape), value, names)


def _left(arguments: Sequence[tree.Argument], scope: Scope) -> Iterator[LeftAxis]:
    for argument in arguments:
        crop: int | str | None
        match argument.crop:
            case None:
                crop = None
            case tree.Name(text=text) if scope.find(text) is None:
                crop = text
            case expression:
                crop = compile_time.integer(evaluate(expression, scope))
        axes = axes_of(argument.value, scope)
        for axis in axes:
            if not isinstance(axis, Axis):
                raise OracleError("[k] on the left")
            yield LeftAxis(axis.legs, argument.name, crop)


def node(value: Value) -> Node:
    """A value as a tensor expression."""
    if isinstance(value, NODES):
        return value
    return Scale(float(compile_time.number(value)))


def is_node(value: Value) -> bool:
    """Whether a value is a tensor expression."""
    return isinstance(value, NODES)


# -- legs ----------------------------------------------------------------------------------------


def axes_of(expression: tree.Expr, scope: Scope) -> list[Axis | Pick | Digit]:
    """What is written on one or, with a spread, several axes."""
    match expression:
        case tree.Group(items=items):
            legs = [leg for item in items for axis in axes_of(item, scope) for leg in _legs(axis)]
            return [Axis(tuple(legs))]
        case tree.List(items=(tree.Call(function=function, arguments=arguments),)) if isinstance(
            tensor_named(function, scope), InputTensor
        ):
            index = tensor_named(function, scope)
            assert isinstance(index, InputTensor)
            assert index.is_index
            return [Digit(index, _all_axes(arguments, scope))]
        case tree.List(items=(item,)):
            return [Pick(compile_time.integer(evaluate(item, scope)))]
        case tree.Name(text=text):
            return [Axis((_leg(text, None),))]
        case tree.Subscript(base=tree.Name(text=text), items=items):
            choices = [
                _iterable(item, scope) if isinstance(item, tree.Range) else [evaluate(item, scope)] for item in items
            ]
            return [Axis((_leg(text, tuple(map(compile_time.integer, s))),)) for s in cartesian(*choices)]
        case tree.Call(function=tree.Name(text="interleave"), arguments=arguments):
            lists = [axes_of(argument.value, scope) for argument in arguments]
            longest = max((len(entries) for entries in lists), default=0)
            return [entries[k] for k in range(longest) for entries in lists if k < len(entries)]
        case tree.Call(function=tree.Name(text="reversed"), arguments=arguments):
            return [axis for argument in arguments for axis in axes_of(argument.value, scope)][::-1]
        case _:
            raise OracleError(f"not a leg: {expression.span.text}")


def _legs(axis: Axis | Pick | Digit) -> tuple[Leg, ...]:
    if not isinstance(axis, Axis):
        raise OracleError("[k] within a group")
    return axis.legs


def _leg(text: str, subscripts: tuple[int, ...] | None) -> Leg:
    base = text.rstrip("'")
    return Leg(base, len(text) - len(base), subscripts)


def _all_axes(arguments: Sequence[tree.Argument], scope: Scope) -> tuple[Axis | Pick, ...]:
    axes = [axis for argument in arguments for axis in axes_of(argument.value, scope)]
    return tuple(axis for axis in axes if not isinstance(axis, Digit))


def _all_legs(arguments: Sequence[tree.Argument], scope: Scope) -> tuple[Leg, ...]:
    return tuple(leg for argument in arguments for axis in axes_of(argument.value, scope) for leg in _legs(axis))


_DIGITS = count()


def _with_digits(tensor: Tensor, arguments: Sequence[tree.Argument], scope: Scope) -> Node:
    """A use in which integers select: times a one-hot tensor on a leg that no author can write, for each of them."""
    factors: list[Node] = []
    axes: list[Axis | Pick] = []
    for argument in arguments:
        for axis in axes_of(argument.value, scope):
            if isinstance(axis, Digit):
                leg = Axis((Leg(f"#{next(_DIGITS)}", 0, None),))
                factors.append(Use(axis.index, (*axis.axes, leg)))
                axes.append(leg)
            else:
                axes.append(axis)
    use = Use(tensor, tuple(axes))
    return Product((use, *factors)) if factors else use


# -- expressions ---------------------------------------------------------------------------------


def evaluate(expression: tree.Expr, scope: Scope) -> Value:
    """The value of an expression: compile-time, or a tensor expression, or (in a ``fn``) a scalar one."""
    match expression:
        case tree.Number(value=value):
            return value
        case tree.String(value=text):
            return text
        case tree.Boolean(value=truth):
            return truth
        case tree.Name(text=text):
            return _name(text, scope)
        case tree.Attribute(base=base, name=name):
            return _attribute(evaluate(base, scope), name)
        case tree.Subscript():
            return _subscript(expression, scope)
        case tree.Call():
            return _call(expression, scope)
        case tree.List(items=items):
            return [evaluate(item, scope) for item in items]
        case tree.Comprehension():
            return list(_comprehension(expression, 0, scope))
        case tree.Group(items=(item,)):
            return evaluate(item, scope)
        case tree.Unary(operator="not", operand=operand):
            return not compile_time.boolean(evaluate(operand, scope))
        case tree.Unary(operand=operand):
            return _negated(evaluate(operand, scope), scope)
        case tree.Arithmetic(operands=operands, operators=operators):
            result = evaluate(operands[0], scope)
            for operator, operand in zip(operators, operands[1:], strict=True):
                result = combine(operator, result, evaluate(operand, scope), scope)
            return result
        case tree.Power(base=base, exponent=exponent):
            return combine("^", evaluate(base, scope), evaluate(exponent, scope), scope)
        case tree.Comparison():
            return _comparison(expression, scope)
        case tree.Logical(operator=operator, operands=operands):
            truths = (compile_time.boolean(evaluate(operand, scope)) for operand in operands)
            return all(truths) if operator == "and" else any(truths)
        case tree.Conditional(condition=condition, value=yes, otherwise=no):
            return evaluate(yes if compile_time.boolean(evaluate(condition, scope)) else no, scope)
        case tree.Fold():
            return _fold(expression, scope)
        case tree.Group() | tree.Range():
            raise OracleError(f"not a value: {expression.span.text}")


def _name(text: str, scope: Scope) -> Value:
    found = scope.find(text)
    if found is not None:
        return found
    if scope.frame is not None and text in scope.frame.values:
        return scope.frame.values[text]
    if text == "std":
        return StandardLibrary()
    if text in TENSOR_FUNCTIONS or text in compile_time.FUNCTIONS:
        return Builtin(text)
    raise OracleError(f"{text} is not declared")


def _attribute(base: Value, name: str) -> Value:
    match base:
        case StandardLibrary():
            return standard(base, name)
        case Module(names=names):
            return names[name]
        case _:
            raise OracleError(f"no .{name} here")


def _iterable(expression: tree.Expr, scope: Scope) -> list[Value]:
    """The values of a range or of a list."""
    if isinstance(expression, tree.Range):
        step = 1 if expression.step is None else evaluate(expression.step, scope)
        return list(compile_time.span(evaluate(expression.start, scope), evaluate(expression.stop, scope), step))
    return compile_time.items(evaluate(expression, scope))


def _subscript(expression: tree.Subscript, scope: Scope) -> Value:
    path = canonical(expression, scope)
    if path is not None and scope.frame is not None and path in scope.frame.values:
        return scope.frame.values[path]
    value = evaluate(expression.base, scope)
    for item in expression.items:
        if isinstance(item, tree.Range):
            step = 1 if item.step is None else evaluate(item.step, scope)
            value = compile_time.part(value, evaluate(item.start, scope), evaluate(item.stop, scope), step)
        else:
            value = compile_time.element(value, evaluate(item, scope))
    return value


def _comprehension(expression: tree.Comprehension, depth: int, scope: Scope) -> Iterator[Value]:
    if depth == len(expression.binders):
        if expression.condition is None or compile_time.boolean(evaluate(expression.condition, scope)):
            yield evaluate(expression.element, scope)
        return
    binder = expression.binders[depth]
    for value in _iterable(binder.iterable, scope):
        yield from _comprehension(expression, depth + 1, scope.within({binder.name: value}))


def _comparison(expression: tree.Comparison, scope: Scope) -> Value:
    values = [evaluate(operand, scope) for operand in expression.operands]
    links = list(zip(values, expression.operators, values[1:], strict=False))
    if any(_scalar(value) for value in values):
        result: Scalar = 1.0
        for left, operator, right in links:
            link = Applied(operator, (scalar(left), scalar(right)))
            result = link if result == 1.0 else Applied("*", (result, link))
        return result
    return all(compile_time.compare(operator, left, right) for left, operator, right in links)


def _fold(expression: tree.Fold, scope: Scope) -> Value:
    operator = "*" if expression.operator == "prod" else "+"
    value: Value = 1 if operator == "*" else 0
    first = True

    def bodies(depth: int, inner: Scope) -> Iterator[Value]:
        if depth == len(expression.binders):
            yield evaluate(expression.body, inner)
            return
        binder = expression.binders[depth]
        for entry in _iterable(binder.iterable, inner):
            yield from bodies(depth + 1, inner.within({binder.name: entry}))

    for body in bodies(0, scope):
        value = body if first else combine(operator, value, body, scope)
        first = False
    return value


def _scalar(value: Value) -> bool:
    return isinstance(value, Entry | Applied)


def scalar(value: Value) -> Scalar:
    """A value as part of a pointwise function."""
    if isinstance(value, (Entry, Applied, *NODES)):
        return value
    return float(compile_time.number(value))


def combine(operator: str, left: Value, right: Value, scope: Scope) -> Value:
    """An operator on two values of any kind."""
    if _scalar(left) or _scalar(right) or (scope.pointwise and (is_node(left) or is_node(right))):
        return Applied(operator, (scalar(left), scalar(right)))
    if not is_node(left) and not is_node(right):
        return compile_time.arithmetic(operator, left, right)
    match operator:
        case "*":
            return Product(_factors(left) + _factors(right))
        case "/" if not is_node(right):
            return Product((*_factors(left), Scale(1.0 / float(compile_time.number(right)))))
        case "+":
            return Sum((node(left), node(right)))
        case "-":
            return Sum((node(left), Product((Scale(-1.0), *_factors(right)))))
        case _:
            raise OracleError(f"no {operator} between tensors")


def _factors(value: Value) -> tuple[Node, ...]:
    return value.factors if isinstance(value, Product) else (node(value),)


def _negated(value: Value, scope: Scope) -> Value:
    if _scalar(value) or (scope.pointwise and is_node(value)):
        return Applied("neg", (scalar(value),))
    if is_node(value):
        return Product((Scale(-1.0), *_factors(value)))
    return -compile_time.number(value)


# -- calls ---------------------------------------------------------------------------------------


def canonical(expression: tree.Expr, scope: Scope) -> str | None:
    """The canonical name that an expression spells, if it spells one."""
    match expression:
        case tree.Name(text=text):
            return text
        case tree.Attribute(base=base, name=name):
            prefix = canonical(base, scope)
            return None if prefix is None else f"{prefix}.{name}"
        case tree.Subscript(base=base, items=items):
            prefix = canonical(base, scope)
            if prefix is None or any(isinstance(item, tree.Range) for item in items):
                return None
            values = [evaluate(item, scope) for item in items]
            return f"{prefix}[{', '.join(map(str, values))}]"
        case _:
            return None


def tensor_named(expression: tree.Expr, scope: Scope) -> Tensor | None:
    """The tensor, or the instance's output, that an expression names without legs."""
    frame = scope.frame
    path = canonical(expression, scope)
    if frame is None or path is None:
        return None
    if path in frame.tensors:
        return frame.tensors[path]
    value = frame.values.get(path)
    if isinstance(value, Instance):
        return _output(value, None)
    if isinstance(expression, tree.Attribute):
        owner = frame.values.get(canonical(expression.base, scope) or "")
        if isinstance(owner, Instance):
            return _output(owner, expression.name)
    return None


def _output(instance: Instance, name: str | None) -> DefinedTensor:
    outputs = instance.frame.outputs
    if name is not None:
        return outputs[name]
    if len(outputs) != 1:
        raise OracleError("an instance with several outputs needs the name of one")
    return next(iter(outputs.values()))


def _instance_named(expression: tree.Expr, scope: Scope) -> Instance | None:
    """The instance to whose inputs the named arguments of a use belong."""
    frame = scope.frame
    if frame is None:
        return None
    value = frame.values.get(canonical(expression, scope) or "")
    if isinstance(value, Instance):
        return value
    return _instance_named(expression.base, scope) if isinstance(expression, tree.Attribute) else None


def _call(expression: tree.Call, scope: Scope) -> Value:
    function, arguments = expression.function, expression.arguments
    tensor = tensor_named(function, scope)
    if tensor is not None:
        return _use(tensor, function, arguments, scope)
    if isinstance(function, tree.Name) and scope.find(function.text) is None:
        match function.text:
            case "delta":
                return Delta(_all_legs(arguments, scope))
            case "ones":
                return Ones(_all_legs(arguments, scope))
            case _:
                pass
    value = evaluate(function, scope)
    match value:
        case NetworkValue():
            given = _bound([p.name for p in value.parameters], arguments, scope)
            return Pending(value, {**value.given, **given})
        case UserDef(syntax=syntax, scope=outer):
            return evaluate(syntax.body, _parameters(syntax.parameters, arguments, scope, outer, pointwise=False))
        case UserFunction():
            return _user_function(value, arguments, scope)
        case Builtin(name=name) if name in compile_time.NAMES:
            names = compile_time.NAMES[name]
            given = _bound(names, arguments, scope)
            return _builtin(name, [given[each] for each in names if each in given], scope)
        case Builtin(name=name):
            return _builtin(name, [evaluate(argument.value, scope) for argument in arguments], scope)
        case _:
            raise OracleError(f"not a function: {function.span.text}")


def _use(tensor: Tensor, function: tree.Expr, arguments: Sequence[tree.Argument], scope: Scope) -> Node:
    legs = [argument for argument in arguments if argument.name is None]
    instance = _instance_named(function, scope)
    if instance is not None and instance.frame.inputs:
        bound = {a.name: tensor_named(a.value, scope) for a in arguments if a.name is not None}
        bindings: list[tuple[InputTensor, Tensor]] = []
        for declared in instance.frame.inputs:
            value = bound.get(declared.name)
            if value is None:
                raise OracleError(f"input {declared.name} is not bound")
            bindings.append((declared, value))
        tensor = BoundTensor(tensor, tuple(bindings))
    return _with_digits(tensor, legs, scope)


def _bound(names: list[str], arguments: Sequence[tree.Argument], scope: Scope) -> dict[str, Value]:
    """Positional, then named arguments."""
    values: dict[str, Value] = {}
    for position, argument in enumerate(arguments):
        name = names[position] if argument.name is None else argument.name
        if name in values or name not in names:
            raise OracleError(f"argument {name}")
        values[name] = evaluate(argument.value, scope)
    return values


def _parameters(
    parameters: Sequence[tree.FunctionParameter],
    arguments: Sequence[tree.Argument],
    scope: Scope,
    outer: Scope,
    *,
    pointwise: bool,
) -> Scope:
    given = _bound([p.name for p in parameters], arguments, scope)
    return _complete(parameters, given, outer, pointwise=pointwise)


def _complete(
    parameters: Sequence[tree.FunctionParameter], given: Mapping[str, Value], outer: Scope, *, pointwise: bool
) -> Scope:
    inner = Scope({}, outer, outer.frame, pointwise)
    for parameter in parameters:
        if parameter.name in given:
            inner.names[parameter.name] = given[parameter.name]
        elif parameter.default is not None:
            inner.names[parameter.name] = evaluate(parameter.default, outer)
        else:
            raise OracleError(f"argument {parameter.name} is missing")
    return inner


def _user_function(function: UserFunction, arguments: Sequence[tree.Argument], scope: Scope) -> Value:
    syntax = function.syntax
    given = _bound([p.name for p in syntax.parameters], arguments, scope)
    first = given[syntax.parameters[0].name]
    applied = not scope.pointwise
    if applied:
        given[syntax.parameters[0].name] = Entry()
    for name, value in given.items():
        if is_node(value):
            given[name] = Applied("+", (scalar(value), 0.0))
    inner = _complete(syntax.parameters, given, function.scope, pointwise=True)
    result = scalar(evaluate(syntax.body, inner))
    return Activated(result, node(first)) if applied else result


def _builtin(name: str, values: list[Value], scope: Scope) -> Value:
    if name in compile_time.FUNCTIONS and not any(_scalar(v) or is_node(v) for v in values):
        return compile_time.FUNCTIONS[name](values)
    match name:
        case "identity":
            return values[0]
        case "rms":
            return Normalised(node(values[0]))
        case "conj":
            return Conjugated(node(values[0]))
        case _:
            pass
    if name in ACTIVATIONS:
        defaults = ACTIVATIONS[name]
        further = values[1:]
        for default in defaults[len(further) :]:
            if default is None:
                raise OracleError(f"{name} has no default for its further arguments")
            further.append(default)
        if len(further) != len(defaults):
            raise OracleError(f"{name} takes {len(defaults)} further arguments")
        values = [values[0], *further]
    elif name not in SCALAR_FUNCTIONS or not scope.pointwise:
        raise OracleError(f"{name} does not apply to tensors")
    if name in {"min", "max"}:
        result = scalar(values[0])
        for value in values[1:]:
            result = Applied(name, (result, scalar(value)))
        return result
    if scope.pointwise:
        return Applied(name, tuple(map(scalar, values)))
    return Activated(Applied(name, (Entry(), *map(scalar, values[1:]))), node(values[0]))
