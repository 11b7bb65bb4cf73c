# ruff: noqa: D102 - a method is documented by its rule in grammar/tn.lark
"""From the grammar's rules to the nodes of the tree: one method a rule, its parameters the rule's parts.

The parser calls them from the leaves up, with all tokens and with None for each part of an absent ``[…]``.
"""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

from tnc.source import Span
from tnc.syntax import tree
from tnc.syntax.tokens import Token, number_value, string_value
from tnc.syntax.tree import Expr, Statement


class Block(NamedTuple):
    """The statements of a ``{ … }`` and its place."""

    statements: tuple[Statement, ...]
    span: Span


def _span(first: Token | tree.Node, last: Token | tree.Node | Block) -> Span:
    return first.span.to(last.span)


def _items(parts: tuple[object, ...]) -> tuple[object, ...]:
    """What stands between the commas."""
    return tuple(part for part in parts if not isinstance(part, Token))


class Builder:
    """A method for each rule; none has a state."""

    # -- files and networks --------------------------------------------------------------------

    @staticmethod
    def file(*statements: Statement) -> tuple[Statement, ...]:
        return statements

    @staticmethod
    def import_(word: Token, path: Token, as_: Token | None, alias: Token | None) -> tree.Import:
        name = None if alias is None else alias.text
        return tree.Import(string_value(path.text), name, span=_span(word, alias or path))

    @staticmethod
    def network(
        word: Token,
        name: Token,
        open_: Token,
        parameters: tuple[tree.NetworkParameter, ...],
        close: Token,
        block: Block,
    ) -> tree.Network:
        return tree.Network(name.text, parameters, block.statements, span=_span(word, block))

    @staticmethod
    def application(word: Token, name: Token, equals: Token, value: Expr) -> tree.Application:
        return tree.Application(name.text, value, span=_span(word, value))

    @staticmethod
    def network_parameters(*parts: object) -> tuple[object, ...]:
        return _items(parts)

    @staticmethod
    def network_parameter(
        name: Token, colon: Token, type_: Token, equals: Token | None, default: Expr | None
    ) -> tree.NetworkParameter:
        return tree.NetworkParameter(name.text, type_.text, default, span=_span(name, default or type_))

    # -- statements ----------------------------------------------------------------------------

    @staticmethod
    def block(open_: Token, *parts: Statement | Token) -> Block:
        statements = tuple(part for part in parts if not isinstance(part, Token))
        close = parts[-1]
        return Block(statements, _span(open_, close))

    @staticmethod
    def core(
        word: Token,
        path: tree.Path,
        open_: Token,
        dims: tuple[Expr, ...],
        arrow: Token | None,
        outputs: tuple[Expr, ...] | None,
        close: Token,
        *postfixes: Token | Expr | None,
    ) -> tree.Core:
        written = [part for part in postfixes if part is not None]
        words = {part.text for part in written if isinstance(part, Token)}
        values = {
            part.text: value
            for part, value in pairwise(written)
            if isinstance(part, Token) and not isinstance(value, Token)
        }
        span = _span(word, written[-1] if written else close)
        init, seed = values.get("init"), values.get("seed")
        return tree.Core(path, dims, outputs, "complex" in words, init, seed, "frozen" in words, span=span)

    @staticmethod
    def dims(*parts: object) -> tuple[object, ...]:
        return _items(parts)

    @staticmethod
    def input(
        word: Token,
        name: Token,
        open_: Token,
        dims: tuple[Expr | tree.DynamicDim, ...],
        close: Token,
        values: tree.InputValues | None,
    ) -> tree.Input:
        return tree.Input(name.text, dims, values, span=_span(word, values or close))

    @staticmethod
    def input_dims(*parts: object) -> tuple[object, ...]:
        return _items(parts)

    @staticmethod
    def dynamic_dim(name: Token, mark: Token) -> tree.DynamicDim:
        return tree.DynamicDim(name.text, span=_span(name, mark))

    @staticmethod
    def input_std(word: Token, value: Expr) -> tree.InputStd:
        return tree.InputStd(value, span=_span(word, value))

    @staticmethod
    def one_hot(word: Token) -> tree.OneHot:
        return tree.OneHot(span=word.span)

    @staticmethod
    def index(word: Token, open_: Token, count: Expr, close: Token) -> tree.Index:
        return tree.Index(count, span=_span(word, close))

    @staticmethod
    def let(word: Token, path: tree.Path, equals: Token, value: Expr) -> tree.Let:
        return tree.Let(path, value, span=_span(word, value))

    @staticmethod
    def definition(
        path: tree.Path,
        open_: Token,
        legs: tuple[tree.Argument, ...],
        close: Token,
        reshape: tuple[tree.Argument, ...] | None,
        equals: Token,
        value: Expr,
    ) -> tree.Definition:
        return tree.Definition(path, legs, reshape, value, span=_span(path, value))

    @staticmethod
    def output(
        word: Token,
        name: Token,
        open_: Token,
        legs: tuple[tree.Argument, ...],
        close: Token,
        reshape: tuple[tree.Argument, ...] | None,
        std_word: Token | None,
        std: Expr | None,
        equals: Token,
        value: Expr,
    ) -> tree.Output:
        return tree.Output(name.text, legs, reshape, std, value, span=_span(word, value))

    @staticmethod
    def reshape(
        word: Token, open_: Token, arguments: tuple[tree.Argument, ...], close: Token
    ) -> tuple[tree.Argument, ...]:
        return arguments

    @staticmethod
    def function(
        word: Token,
        name: Token,
        open_: Token,
        parameters: tuple[tree.FunctionParameter, ...],
        close: Token,
        equals: Token,
        body: Expr,
    ) -> tree.Function:
        return tree.Function(name.text, parameters, body, span=_span(word, body))

    @staticmethod
    def def_(
        word: Token,
        name: Token,
        open_: Token,
        parameters: tuple[tree.FunctionParameter, ...],
        close: Token,
        equals: Token,
        body: Expr,
    ) -> tree.Def:
        return tree.Def(name.text, parameters, body, span=_span(word, body))

    @staticmethod
    def function_parameters(*parts: object) -> tuple[object, ...]:
        return _items(parts)

    @staticmethod
    def function_parameter(name: Token, equals: Token | None, default: Expr | None) -> tree.FunctionParameter:
        return tree.FunctionParameter(name.text, default, span=_span(name, default or name))

    @staticmethod
    def for_(word: Token, binder: tree.Binder, block: Block) -> tree.For:
        return tree.For(binder, block.statements, span=_span(word, block))

    @staticmethod
    def if_(word: Token, *parts: Token | tree.Branch | Block | None) -> tree.If:
        branches = tuple(part for part in parts if isinstance(part, tree.Branch))
        otherwise = parts[-1]
        if isinstance(otherwise, Block):
            return tree.If(branches, otherwise.statements, span=_span(word, otherwise))
        return tree.If(branches, None, span=_span(word, branches[-1]))

    @staticmethod
    def branch(condition: Expr, block: Block) -> tree.Branch:
        return tree.Branch(condition, block.statements, span=_span(condition, block))

    @staticmethod
    def assert_(word: Token, condition: Expr, comma: Token | None, message: Token | None) -> tree.Assert:
        text = None if message is None else string_value(message.text)
        return tree.Assert(condition, text, span=_span(word, message or condition))

    @staticmethod
    def require(word: Token, condition: Expr, comma: Token | None, message: Token | None) -> tree.Require:
        text = None if message is None else string_value(message.text)
        return tree.Require(condition, text, span=_span(word, message or condition))

    @staticmethod
    def path(*parts: Token | tree.PathPart) -> tree.Path:
        names = tuple(part for part in parts if not isinstance(part, Token))
        return tree.Path(names, span=_span(names[0], names[-1]))

    @staticmethod
    def path_part(
        name: Token, open_: Token | None, subscripts: tuple[Expr | tree.Binder, ...] | None, close: Token | None
    ) -> tree.PathPart:
        return tree.PathPart(name.text, subscripts, span=_span(name, close or name))

    @staticmethod
    def path_subscripts(*parts: object) -> tuple[object, ...]:
        return _items(parts)

    @staticmethod
    def axes(*parts: object) -> tuple[object, ...]:
        return _items(parts)

    @staticmethod
    def cropped_axis(name: Token, colon: Token, crop: Expr, equals: Token, value: Expr) -> tree.Argument:
        return tree.Argument(value, name.text, crop, span=_span(name, value))

    # -- expressions ---------------------------------------------------------------------------

    @staticmethod
    def conditional(
        if_: Token, condition: Expr, then: Token, value: Expr, else_: Token, otherwise: Expr
    ) -> tree.Conditional:
        return tree.Conditional(condition, value, otherwise, span=_span(if_, otherwise))

    @staticmethod
    def disjunction(*parts: Expr | Token) -> tree.Logical:
        operands, _ = _chain(parts)
        return tree.Logical("or", operands, span=_span(operands[0], operands[-1]))

    @staticmethod
    def conjunction(*parts: Expr | Token) -> tree.Logical:
        operands, _ = _chain(parts)
        return tree.Logical("and", operands, span=_span(operands[0], operands[-1]))

    @staticmethod
    def comparison(*parts: Expr | Token) -> tree.Comparison:
        operands, operators = _chain(parts)
        return tree.Comparison(operands, operators, span=_span(operands[0], operands[-1]))

    @staticmethod
    def sum(*parts: Expr | Token) -> tree.Arithmetic:
        operands, operators = _chain(parts)
        return tree.Arithmetic(operands, operators, span=_span(operands[0], operands[-1]))

    product = sum

    @staticmethod
    def unary(operator: Token, operand: Expr) -> tree.Unary:
        return tree.Unary(operator.text, operand, span=_span(operator, operand))

    @staticmethod
    def fold(function: Expr, open_: Token, binders: tuple[tree.Binder, ...], close: Token, body: Expr) -> tree.Fold:
        return tree.Fold(function.span.text, binders, body, span=_span(function, body))

    @staticmethod
    def power(base: Expr, caret: Token, exponent: Expr) -> tree.Power:
        return tree.Power(base, exponent, span=_span(base, exponent))

    @staticmethod
    def attribute(base: Expr, dot: Token, name: Token) -> tree.Attribute:
        return tree.Attribute(base, name.text, span=_span(base, name))

    @staticmethod
    def subscript(base: Expr, open_: Token, items: tuple[Expr, ...], close: Token) -> tree.Subscript:
        return tree.Subscript(base, items, span=_span(base, close))

    @staticmethod
    def call(function: Expr, open_: Token, arguments: tuple[tree.Argument, ...], close: Token) -> tree.Call:
        return tree.Call(function, arguments, span=_span(function, close))

    @staticmethod
    def number(token: Token) -> tree.Number:
        return tree.Number(number_value(token.text), token.text, span=token.span)

    @staticmethod
    def string(token: Token) -> tree.String:
        return tree.String(string_value(token.text), span=token.span)

    @staticmethod
    def boolean(token: Token) -> tree.Boolean:
        return tree.Boolean(token.text == "true", span=token.span)

    @staticmethod
    def name(token: Token) -> tree.Name:
        return tree.Name(token.text, span=token.span)

    @staticmethod
    def list(open_: Token, items: tuple[Expr, ...], close: Token) -> tree.List:
        return tree.List(items, span=_span(open_, close))

    @staticmethod
    def comprehension(open_: Token, element: Expr, *rest: tree.Binder | Token | Expr | None) -> tree.Comprehension:
        *binders, _, condition, close = rest
        assert isinstance(close, Token)
        assert not isinstance(condition, (Token, tree.Binder))
        found = tuple(binder for binder in binders if isinstance(binder, tree.Binder))
        return tree.Comprehension(element, found, condition, span=_span(open_, close))

    @staticmethod
    def comprehension_for(word: Token, binder: tree.Binder) -> tree.Binder:
        return binder

    @staticmethod
    def group(open_: Token, items: tuple[Expr, ...], close: Token) -> tree.Group:
        return tree.Group(items, span=_span(open_, close))

    @staticmethod
    def items(*parts: object) -> tuple[object, ...]:
        return _items(parts)

    @staticmethod
    def subscripts(*parts: object) -> tuple[object, ...]:
        return _items(parts)

    @staticmethod
    def range(start: Expr, dots: Token, stop: Expr, by: Token | None, step: Expr | None) -> tree.Range:
        return tree.Range(start, stop, step, span=_span(start, step or stop))

    @staticmethod
    def binders(*parts: object) -> tuple[object, ...]:
        return _items(parts)

    @staticmethod
    def binder(name: Token, in_: Token, iterable: Expr) -> tree.Binder:
        return tree.Binder(name.text, iterable, span=_span(name, iterable))

    @staticmethod
    def arguments(*parts: object) -> tuple[object, ...]:
        return _items(parts)

    @staticmethod
    def argument(value: Expr) -> tree.Argument:
        return tree.Argument(value, span=value.span)

    @staticmethod
    def named_argument(name: Token, equals: Token, value: Expr) -> tree.Argument:
        return tree.Argument(value, name.text, span=_span(name, value))


def _chain(parts: tuple[Expr | Token, ...]) -> tuple[tuple[Expr, ...], tuple[str, ...]]:
    """The operands and operators of a flat chain."""
    operands = tuple(part for part in parts if not isinstance(part, Token))
    return operands, tuple(part.text for part in parts if isinstance(part, Token))
