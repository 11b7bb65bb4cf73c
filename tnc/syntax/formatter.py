"""The canonical text of a syntax tree, with the author's comments and single blank lines.

The spacing, in full:

* binary operators stand between spaces, but a number times names is a coefficient and written tight: ``2*k + 1``,
  ``a * b``; powers and ranges are always tight: ``2^s``, ``0..n``;
* ``name = value`` and ``name: type`` everywhere as in this sentence, a space after a comma, none inside brackets;
* blocks are indented by two; a line that is too long is broken at its outermost operators, which begin the
  next line, or after commas.

A comment stays between the two tokens where it was written, or moves behind the comma or bracket after it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, TypeVar, assert_never

from tnc.syntax import tree
from tnc.syntax.layout import (
    WIDTH,
    Align,
    Choice,
    Concat,
    Doc,
    Group,
    Hard,
    Line,
    Nest,
    Remark,
    Text,
    concat,
    flat_width,
    join,
    least_width,
    render,
)

_N = TypeVar("_N", bound=tree.Node)

_INDENT: Final = 2
_SHORT: Final = 16
"""A first operand no wider than this keeps the second one beside it when a chain of three or more breaks."""

_HEAD: Final = 24
"""Up to this column a value that must be broken stays beside its ``=``."""


def format_tree(file: tree.File) -> str:
    """The canonical text of a file that was read without errors."""
    return render(_Printer(file).file())


class _Printer:
    """Makes documents in the order of the text, so that every comment comes out once and in place."""

    def __init__(self, file: tree.File) -> None:
        self._file = file
        self._text = file.source.text
        self._comments = file.comments
        self._next = 0
        self._indent = 0

    def file(self) -> Doc:
        return Concat(tuple(self._statements(self._file.statements, len(self._text), first_hard=False)))

    # -- comments ------------------------------------------------------------------------------

    def _taken(self, before: int) -> list[tree.Comment]:
        """The comments before an offset that were not printed yet."""
        start = self._next
        while self._next < len(self._comments) and self._comments[self._next].span.start < before:
            self._next += 1
        return list(self._comments[start : self._next])

    def _remarks(self, before: int) -> Concat:
        return Concat(tuple(Remark(comment.text, comment.own_line) for comment in self._taken(before)))

    def _after_blank(self, start: int) -> int:
        """The offset of the next token from an offset on."""
        text = self._text
        while True:
            while start < len(text) and text[start] in " \t\r\n":
                start += 1
            if not text.startswith("#", start):
                return start
            while start < len(text) and text[start] not in "\r\n":
                start += 1

    # -- blocks --------------------------------------------------------------------------------

    def _statements(self, statements: Sequence[tree.Statement], end: int, *, first_hard: bool) -> list[Doc]:
        """Statements and the comments between them, each on a line of its own."""
        docs: list[Doc] = []
        last: int | None = None

        def item(start: int, stop: int, doc: Doc) -> None:
            nonlocal last
            if last is not None or first_hard:
                docs.append(Hard(last is not None and self._text.count("\n", last, start) > 1))
            docs.append(doc)
            last = stop

        def remarks(before: int) -> None:
            nonlocal last
            for comment in self._taken(before):
                remark = Remark(comment.text, comment.own_line)
                if comment.own_line:
                    item(comment.span.start, comment.span.end, remark)
                else:
                    docs.append(remark)
                    last = comment.span.end

        for statement in statements:
            remarks(statement.span.start)
            item(statement.span.start, statement.span.end, self._statement(statement))
        remarks(end)
        return docs

    def _block(self, statements: Sequence[tree.Statement], end: int) -> Doc:
        """``{ … }``; ``end`` is the offset of the closing brace."""
        self._indent += _INDENT
        docs = self._statements(statements, end, first_hard=True)
        self._indent -= _INDENT
        if not docs:
            return Text("{}")
        return concat("{", Nest(_INDENT, Concat(tuple(docs))), Hard(), "}")

    def _statement(self, statement: tree.Statement) -> Doc:
        match statement:
            case tree.Network(name, parameters, body):
                head = concat(f"network {name}", self._brackets("(", parameters, ")", self._network_parameter), " ")
                return Concat((head, self._block(body, statement.span.end - 1)))
            case tree.Application(name, value):
                return self._assigned(Text(f"network {name}"), value)
            case tree.For(binder, body):
                head = concat("for ", self._binder(binder), " ")
                return Concat((head, self._block(body, statement.span.end - 1)))
            case tree.If():
                return self._if(statement)
            case tree.Core():
                return self._core(statement)
            case tree.Input(name, dims, values):
                head = concat(f"input {name}", self._brackets("(", dims, ")", self._input_dim))
                return head if values is None else concat(head, " ", self._input_values(values))
            case tree.Let(path, value):
                return self._assigned(concat("let ", self._path(path)), value)
            case tree.Definition(path, legs, reshape, value):
                head = concat(self._path(path), self._arguments(legs), self._reshape(reshape))
                return self._assigned(head, value)
            case tree.Output(name, legs, reshape, std, value):
                head = concat(f"output {name}", self._arguments(legs), self._reshape(reshape))
                if std is not None:
                    head = concat(head, Group(Nest(4, concat(Line(), "std ", self._expr(std)))))
                return self._assigned(head, value)
            case tree.Function(name, parameters, body):
                head = concat(f"fn {name}", self._brackets("(", parameters, ")", self._function_parameter))
                return self._assigned(head, body)
            case tree.Def(name, parameters, body):
                head = concat(f"def {name}", self._brackets("(", parameters, ")", self._function_parameter))
                return self._assigned(head, body)
            case tree.Import(path, alias):
                return Text(f"import {_quoted(path)}" + (f" as {alias}" if alias is not None else ""))
            case tree.Assert(condition, message):
                return self._checked("assert", condition, message)
            case tree.Require(condition, message):
                return self._checked("require", condition, message)
            case _:
                assert_never(statement)

    def _if(self, statement: tree.If) -> Doc:
        first, *others = statement.branches
        docs: list[Doc] = [concat("if ", self._branch(first))]
        last = first.span.end
        for branch in others:
            docs += [self._between(branch.span.start), concat("else if ", self._branch(branch))]
            last = branch.span.end
        if statement.otherwise is not None:
            docs += [self._between(self._after_blank(last)), Text("else ")]
            docs.append(self._block(statement.otherwise, statement.span.end - 1))
        return Concat(tuple(docs))

    def _between(self, before: int) -> Doc:
        """What stands between ``}`` and ``else``: the comments there, or a space."""
        remarks = self._remarks(before)
        return remarks if remarks.parts else Text(" ")

    def _branch(self, branch: tree.Branch) -> Doc:
        return concat(self._expr(branch.condition), " ", self._block(branch.body, branch.span.end - 1))

    def _core(self, core: tree.Core) -> Doc:
        path = self._path(core.path)
        dims = self._list(core.dims, self._expr)
        if core.outputs is not None:
            outputs = Align(Concat(tuple(self._list(core.outputs, self._expr))))
            arrow = concat("-> " if core.outputs else "->", outputs)
            dims.append(Group(concat(Line() if core.dims else "", arrow)))
        doc = concat("core ", path, self._enclosed("(", dims, ")"))
        if core.complex:
            doc = concat(doc, " complex")
        if core.init is not None:
            doc = concat(doc, Group(Nest(4, concat(Line(), "init ", self._expr(core.init)))))
        if core.seed is not None:
            doc = concat(doc, Group(Nest(4, concat(Line(), "seed ", self._expr(core.seed)))))
        return concat(doc, " frozen") if core.frozen else doc

    def _reshape(self, arguments: tuple[tree.Argument, ...] | None) -> Doc:
        if arguments is None:
            return Text("")
        return Group(Nest(4, concat(Line(), "reshape", self._arguments(arguments))))

    def _checked(self, word: str, condition: tree.Expr, message: str | None) -> Doc:
        doc = concat(f"{word} ", Align(self._expr(condition)))
        if message is None:
            return doc
        return concat(doc, ",", Group(Nest(4, concat(Line(), _quoted(message)))))

    # -- name = value --------------------------------------------------------------------------

    def _assigned(self, head: Doc, value: tree.Expr) -> Doc:
        """``head = value``; the value in the next line if it has more room there and needs it."""
        before = self._remarks(value.span.start)
        terms = self._terms(value)
        width = flat_width(head)
        left = WIDTH if width is None else self._indent + width
        widths = [flat_width(term) for term in terms]
        widest = max(WIDTH if width is None else width for width in widths)
        if left + 3 + widest <= WIDTH or before.parts:
            beside = True
        elif len(terms) > 1:
            beside = left <= _SHORT
        else:
            beside = left <= _HEAD or (left <= 2 * _HEAD and self._indent + 4 + widest > WIDTH)
        lines = concat("= ", before, Align(terms[0]), *(concat(Line(), term) for term in terms[1:]))
        if beside:
            return concat(head, " ", Align(Group(lines)))
        return concat(head, Group(Nest(_INDENT, concat(Line(), Align(Group(lines))))))

    def _terms(self, value: tree.Expr) -> list[Doc]:
        """What may begin a line right after ``=``: the operators of a sum or product stand under the ``=``."""
        if not isinstance(value, tree.Arithmetic) or _is_coefficient(value):
            return [self._expr(value)]
        docs = [self._expr(value.operands[0])]
        for operator, operand in zip(value.operators, value.operands[1:], strict=True):
            remarks = self._remarks(operand.span.start)
            docs.append(concat(remarks, f"{operator} ", Align(self._expr(operand))))
        return docs

    # -- lists ---------------------------------------------------------------------------------

    def _list(self, items: Sequence[_N], show: Callable[[_N], Doc]) -> list[Doc]:
        """The items, each with its comma, the comments before it and the place before it where a line may break."""
        docs: list[Doc] = []
        for index, item in enumerate(items):
            remarks = self._remarks(item.span.start)
            if index == 0:
                docs.append(concat(remarks, show(item)))
            else:
                docs.append(concat(",", remarks, Group(concat(Line(), show(item)))))
        return docs

    def _brackets(
        self, open_: str, items: Sequence[_N], close: str, show: Callable[[_N], Doc], end: int | None = None
    ) -> Doc:
        """A list in brackets; ``end`` is the offset of the closing one, if known."""
        docs = self._list(items, show)
        if end is not None and (remarks := self._remarks(end)).parts:
            docs.append(remarks)
        return self._enclosed(open_, docs, close)

    def _enclosed(self, open_: str, items: Sequence[Doc], close: str) -> Doc:
        """Items under the first one, if all have room there; else in the next line. As many to a line as fit."""
        inner = Concat(tuple(items))
        if flat_width(inner) == 0:
            return Text(open_ + close)
        if len(items) == 1 or (items and flat_width(inner) is None):
            needs = least_width(inner)
        else:
            needs = max((flat_width(item) or 0 for item in items), default=0)
        wide = concat(open_, Align(inner), close)
        narrow = concat(open_, Nest(_INDENT, concat(Line(""), Align(inner))), close)
        return Group(Choice(len(open_) + needs + 1, wide, narrow))

    def _arguments(self, arguments: Sequence[tree.Argument], end: int | None = None) -> Doc:
        return self._brackets("(", arguments, ")", self._argument, end)

    def _argument(self, argument: tree.Argument) -> Doc:
        if argument.name is None:
            return self._expr(argument.value)
        if argument.crop is None:
            return concat(f"{argument.name} = ", Align(self._expr(argument.value)))
        crop = self._expr(argument.crop)
        return concat(f"{argument.name}: ", crop, " = ", Align(self._expr(argument.value)))

    def _network_parameter(self, parameter: tree.NetworkParameter) -> Doc:
        typed = f"{parameter.name}: {parameter.type}"
        if parameter.default is None:
            return Text(typed)
        return concat(f"{typed} = ", Align(self._expr(parameter.default)))

    def _function_parameter(self, parameter: tree.FunctionParameter) -> Doc:
        if parameter.default is None:
            return Text(parameter.name)
        return concat(f"{parameter.name} = ", Align(self._expr(parameter.default)))

    def _input_values(self, values: tree.InputValues) -> Doc:
        match values:
            case tree.InputStd(value):
                return concat("std ", self._expr(value))
            case tree.OneHot():
                return Text("one_hot")
            case tree.Index(count):
                return concat("index(", self._expr(count), ")")
            case _:
                assert_never(values)

    def _input_dim(self, dim: tree.Expr | tree.DynamicDim) -> Doc:
        return Text(f"{dim.name}?") if isinstance(dim, tree.DynamicDim) else self._expr(dim)

    def _subscript(self, item: tree.Expr | tree.Binder) -> Doc:
        return self._binder(item) if isinstance(item, tree.Binder) else self._expr(item)

    def _binder(self, binder: tree.Binder) -> Doc:
        before = self._remarks(binder.span.start)
        return concat(before, f"{binder.name} in ", self._expr(binder.iterable))

    def _path(self, path: tree.Path) -> Doc:
        before = self._remarks(path.span.start)
        return concat(before, join(Text("."), [self._path_part(part) for part in path.parts]))

    def _path_part(self, part: tree.PathPart) -> Doc:
        if part.subscripts is None:
            return Text(part.name)
        return concat(part.name, self._brackets("[", part.subscripts, "]", self._subscript, part.span.end - 1))

    # -- expressions ---------------------------------------------------------------------------

    def _expr(self, expr: tree.Expr) -> Doc:
        before = self._remarks(expr.span.start)
        doc = self._expression(expr)
        return Concat((before, doc)) if before.parts else doc

    def _expression(self, expr: tree.Expr) -> Doc:
        end = expr.span.end - 1
        match expr:
            case tree.Number(_, text) | tree.Name(text):
                return Text(text)
            case tree.String(value):
                return Text(_quoted(value))
            case tree.Boolean(value):
                return Text("true" if value else "false")
            case tree.Attribute(base, name):
                return concat(self._expr(base), f".{name}")
            case tree.Subscript(base, items):
                return concat(self._expr(base), self._brackets("[", items, "]", self._expr, end))
            case tree.Call(function, arguments):
                return concat(self._expr(function), self._arguments(arguments, end))
            case tree.List(items):
                return self._brackets("[", items, "]", self._expr, end)
            case tree.Group(items):
                return self._brackets("(", items, ")", self._expr, end)
            case tree.Comprehension():
                return self._comprehension(expr)
            case tree.Unary(operator, operand):
                return concat("not " if operator == "not" else operator, self._expr(operand))
            case tree.Arithmetic(operands, operators):
                return self._tight(operands) if _is_coefficient(expr) else self._chain(operands, operators)
            case tree.Comparison(operands, operators):
                return self._chain(operands, operators)
            case tree.Logical(operator, operands):
                return self._chain(operands, (operator,) * (len(operands) - 1))
            case tree.Power(base, exponent):
                return concat(self._expr(base), "^", self._expr(exponent))
            case tree.Conditional():
                return self._conditional(expr)
            case tree.Fold(operator, binders, body):
                head = concat(operator, self._brackets("(", binders, ")", self._binder))
                return Group(
                    concat(head, Nest(_INDENT, concat(self._remarks(body.span.start), Line(), self._expr(body))))
                )
            case tree.Range(start, stop, step):
                doc = concat(self._expr(start), "..", self._expr(stop))
                return doc if step is None else concat(doc, " by ", self._expr(step))
            case _:
                assert_never(expr)

    def _tight(self, operands: tuple[tree.Expr, ...]) -> Doc:
        return join(Text("*"), [self._expr(operand) for operand in operands])

    def _chain(self, operands: tuple[tree.Expr, ...], operators: tuple[str, ...]) -> Doc:
        """Operands of one level; broken, each operator begins a line."""
        first = self._expr(operands[0])
        rest: list[tuple[Doc, Doc]] = []
        for operator, operand in zip(operators, operands[1:], strict=True):
            remarks = self._remarks(operand.span.start)
            rest.append((remarks, concat(f"{operator} ", Align(self._expr(operand)))))
        lines = concat(first, *(concat(remarks, Line(), operand) for remarks, operand in rest))
        width = flat_width(concat(first, rest[0][0]))
        if len(rest) < 2 or width is None or width > _SHORT:
            return Group(Align(lines))
        beside = concat(rest[0][1], *(concat(remarks, Line(), operand) for remarks, operand in rest[1:]))
        needs = width + 2 + max(flat_width(operand) or 0 for _, operand in rest)
        return Group(Choice(needs, concat(first, " ", Align(beside)), Align(lines)))

    def _comprehension(self, expr: tree.Comprehension) -> Doc:
        docs: list[Doc] = [self._expr(expr.element)]
        docs += [
            concat(self._remarks(binder.span.start), Line(), "for ", self._binder(binder)) for binder in expr.binders
        ]
        if expr.condition is not None:
            docs.append(concat(self._remarks(expr.condition.span.start), Line(), "if ", self._expr(expr.condition)))
        docs.append(self._remarks(expr.span.end - 1))
        return concat("[", Group(Align(Concat(tuple(docs)))), "]")

    def _conditional(self, expr: tree.Conditional) -> Doc:
        """``if … then … else if … then … else …``: broken, each ``else`` begins a line."""
        docs: list[Doc] = []
        word = "if "
        current: tree.Expr = expr
        while isinstance(current, tree.Conditional):
            condition = self._expr(current.condition)
            remarks = self._remarks(current.value.span.start)
            value = Group(Nest(4, concat(Line(), "then ", Align(self._expr(current.value)))))
            docs.append(concat(word, condition, remarks, value))
            current = current.otherwise
            docs.append(concat(self._remarks(current.span.start), Line()))
            word = "else if "
        docs.append(concat("else ", self._expr(current)))
        return Group(Align(Concat(tuple(docs))))


def _is_coefficient(expr: tree.Arithmetic) -> bool:
    """Whether this is a number times names: ``2*k``."""
    first, *others = expr.operands
    if isinstance(first, tree.Unary) and first.operator == "-":
        first = first.operand
    names = all(isinstance(operand, tree.Name) for operand in others)
    return isinstance(first, tree.Number) and names and all(operator == "*" for operator in expr.operators)


_ESCAPES: Final = str.maketrans({"\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t"})


def _quoted(text: str) -> str:
    """A string as it is written."""
    return f'"{text.translate(_ESCAPES)}"'
