"""Brackets before grammar: which belongs to which, which is missing and which is one too many.

The grammar says what may stand in brackets, but not which of many brackets was forgotten. So they are matched
first: missing closers are put in, as tokens of no width, and stray ones are taken out. After this every opener has its
closer, and recovery can leave a bracket or skip a block in one step.

Round and square brackets end where a statement begins. For braces the indentation of the lines is
asked, but only where they do not match: in a correct file white space means nothing.
"""

from __future__ import annotations

from bisect import bisect_left
from typing import Final, NamedTuple

from tnc.diagnostics import Diagnostic, Label
from tnc.syntax.grammar import terminals
from tnc.syntax.tokens import END, MOST_ERRORS, Token

STATEMENT_WORDS: Final = frozenset(
    ("network", "core", "input", "let", "output", "fn", "def", "import", "assert", "require")
)
"""The keywords that stand nowhere but at the beginning of a statement (``fn`` also names a type)."""

CLOSER_OF: Final = {"(": ")", "[": "]", "{": "}"}
_OPENER_OF: Final = {closer: opener for opener, closer in CLOSER_OF.items()}


_LOOK_BACK: Final = 200
"""How many tokens a guess may look back; a bound, so that guessing stays linear."""


_LONGEST_BLOCK: Final = 10_000
"""How many tokens of a block without a closing brace are looked at for the place where it belongs."""


class Frame(NamedTuple):
    """An open bracket: the index of its token, its text, and the indentation of its line."""

    token: int
    text: str
    indentation: int


class Lines:
    """Where the lines of a list of tokens begin."""

    __slots__ = ("_tokens",)

    def __init__(self, tokens: list[Token]) -> None:
        self._tokens = tokens

    def starts(self, index: int) -> bool:
        """Whether a token is the first of its line."""
        if index == 0:
            return True
        token = self._tokens[index]
        return token.source.text.find("\n", self._tokens[index - 1].end, token.start) >= 0

    def indentation(self, index: int) -> int:
        """How far the line of a token is indented; a tab counts as one column."""
        token = self._tokens[index]
        text = token.source.text
        start = text.rfind("\n", 0, token.start) + 1
        end = start
        while end < token.start and text[end] in " \t":
            end += 1
        return end - start


class Structure(NamedTuple):
    """Tokens with matching brackets, and what was wrong with them."""

    tokens: list[Token]
    diagnostics: list[Diagnostic]


def balance(tokens: list[Token], told: list[int]) -> Structure:
    """Match the brackets of a text, reporting and repairing those without a partner.

    ``told`` are the places of what is known to be wrong already; what follows from that is not reported.
    """
    plain = _Matcher(tokens, told, by_indentation=False)
    plain.run()
    if not plain.brace_errors:
        return plain.result()
    careful = _Matcher(tokens, told, by_indentation=True)
    careful.run()
    return careful.result()


class _Matcher:
    """One walk over the tokens."""

    def __init__(self, tokens: list[Token], told: list[int], *, by_indentation: bool) -> None:
        self._tokens = tokens
        self._told = sorted(told)
        self._lines = Lines(tokens)
        self._careful = by_indentation
        self._frames: list[Frame] = []
        self._inserted: dict[int, list[Token]] = {}
        self._replaced: dict[int, str | None] = {}
        self._diagnostics: list[Diagnostic] = []
        self._surplus = sum((t.text == "}") - (t.text == "{") for t in tokens) if by_indentation else 0
        self._reported = False
        self._supplied: set[int] = set()
        self.brace_errors = 0

    def result(self) -> Structure:
        if not self._inserted and not self._replaced:
            return Structure(self._tokens, self._diagnostics)
        literals = terminals().literals
        tokens: list[Token] = []
        for index, token in enumerate(self._tokens):
            tokens.extend(self._inserted.get(index, ()))
            text = self._replaced.get(index, token.text)
            if text is not None:
                tokens.append(token if text == token.text else token._replace(type=literals[text], text=text))
        return Structure(tokens, self._diagnostics)

    def run(self) -> None:
        for index, token in enumerate(self._tokens):
            if len(self._diagnostics) >= MOST_ERRORS:
                return
            if self._reported and self._begins_statement(index):
                self._reported = False
            match token.text:
                case "(" | "[":
                    self._open(index)
                case "{":
                    self._open_brace(index)
                case ")" | "]":
                    self._close(index)
                case "}":
                    self._close_brace(index)
                case "=":
                    self._equals(index)
                case "network" | "import" if self._in_braces() and self._lines.starts(index):
                    self._end_brackets(index)
                    self._end_braces(index)
                case word if word in STATEMENT_WORDS and self._in_brackets() and self._lines.starts(index):
                    if not (word == "fn" and self._tokens[index - 1].text == ":"):
                        self._end_brackets(index)
                case "" if token.type == END:
                    self._end_brackets(index)
                    self._leave_braces(index, 0)
                case _:
                    pass

    # -- what is open --------------------------------------------------------------------------

    def _in_brackets(self) -> bool:
        return bool(self._frames) and self._frames[-1].text != "{"

    def _in_braces(self) -> bool:
        return any(frame.text == "{" for frame in self._frames)

    def _open(self, index: int) -> None:
        self._frames.append(
            Frame(index, self._tokens[index].text, self._lines.indentation(index) if self._careful else 0)
        )

    def _insert(self, index: int, frame: Frame) -> None:
        """Put the closer of a frame before a token."""
        before = self._tokens[index - 1]
        closer = CLOSER_OF[frame.text]
        token = Token(terminals().literals[closer], closer, before.source, before.end, before.end)
        self._inserted.setdefault(index, []).append(token)

    def _report(self, diagnostic: Diagnostic) -> None:
        """Report what is wrong with a bracket, unless another one of the same statement was reported before."""
        if not self._reported:
            self._diagnostics.append(diagnostic)
        self._reported = True

    def _begins_statement(self, index: int) -> bool:
        """Whether another statement begins here, as far as brackets show."""
        token = self._tokens[index]
        if self._in_brackets():
            return False
        return token.text in STATEMENT_WORDS or (
            (token.type == "NAME" or token.text in ("for", "if", "}")) and self._lines.starts(index)
        )

    # -- round and square brackets -------------------------------------------------------------

    def _end_brackets(self, index: int, above: int = -1) -> None:
        """A statement begins at ``index``: no bracket opened at or after ``above`` can still be open."""
        if not self._in_brackets() or self._frames[-1].token < above:
            return
        innermost = self._frames[-1]
        while self._in_brackets() and self._frames[-1].token >= above:
            self._insert(index, self._frames.pop())
        self._unclosed(innermost, index)

    def _unclosed(self, frame: Frame, index: int) -> None:
        opener, next_ = self._tokens[frame.token], self._tokens[index]
        if bisect_left(self._told, opener.start) < bisect_left(self._told, next_.start):
            return
        closer = CLOSER_OF[frame.text]
        labels = () if next_.type == END else (Label(next_.span, f"`{closer}` is missing before this"),)
        message = f"this `{frame.text}` is never closed"
        self._report(Diagnostic("TN105", message, opener.span, "never closed", labels, f"add `{closer}`"))

    def _close(self, index: int) -> None:
        token = self._tokens[index]
        opener = _OPENER_OF[token.text]
        if self._in_brackets() and self._frames[-1].text == opener:
            self._frames.pop()
            return
        if not self._in_brackets():
            self._stray(index)
            return
        top = self._frames[-1]
        if self._tokens[index + 1].text == CLOSER_OF[top.text] and not self._is_open(opener):
            self._stray(index)
        elif self._is_open(opener):
            while self._frames[-1].text != opener:
                self._insert(index, self._frames.pop())
            self._frames.pop()
            self._unclosed(top, index)
        else:
            expected = CLOSER_OF[top.text]
            label = Label(self._tokens[top.token].span, "opened here")
            message = f"`{top.text}` is closed by `{token.text}`"
            self._report(
                Diagnostic("TN106", message, token.span, f"expected `{expected}`", (label,), f"write `{expected}`")
            )
            self._replaced[index] = expected
            self._frames.pop()

    def _is_open(self, opener: str) -> bool:
        """Whether such a bracket is open within the innermost block."""
        for frame in reversed(self._frames):
            if frame.text == "{":
                return False
            if frame.text == opener:
                return True
        return False

    def _stray(self, index: int) -> None:
        self._report_stray(index, f"no `{_OPENER_OF[self._tokens[index].text]}` is open here")

    def _report_stray(self, index: int, label: str) -> None:
        token = self._tokens[index]
        verb = "closes" if token.text in _OPENER_OF else "opens"
        message = f"this `{token.text}` {verb} nothing"
        self._report(Diagnostic("TN106", message, token.span, label, help="remove it"))
        self._replaced[index] = None

    def _equals(self, index: int) -> None:
        """``name(…) =`` at the beginning of a line is a statement, not an argument."""
        if not self._in_brackets() or self._tokens[index - 1].text != ")":
            return
        start, depth = index - 1, 0
        floor = max(self._frames[-1].token, index - _LOOK_BACK)
        while start > floor:
            text = self._tokens[start].text
            depth += (text in _OPENER_OF) - (text in CLOSER_OF)
            if depth == 0 and text in (",", "="):
                return
            if depth == 0 and self._lines.starts(start):
                break
            start -= 1
        if start > floor and self._tokens[start].type == "NAME":
            self._end_brackets(start)

    # -- braces --------------------------------------------------------------------------------

    def _open_brace(self, index: int) -> None:
        if self._careful and self._surplus < 0 and not self._has_head(index):
            self._surplus += 1
            self._report_stray(index, "no block can begin here")
            return
        if self._in_brackets():
            follows = self._closer_in_line(index)
            if follows == "}":
                message = "braces hold statements, not values"
                advice = "a list is written `[a, b]`, a group of legs `(i, j)`"
                self._report(Diagnostic("TN101", message, self._tokens[index].span, help=advice))
                self._replaced[index] = "["
                self._frames.append(Frame(index, "[", 0))
                return
            if follows is not None:
                self._surplus += 1
                self._report_stray(index, "no block can begin in brackets")
                return
            self._end_brackets(self._statement_before(index))
        self._open(index)

    def _closer_in_line(self, index: int) -> str | None:
        """The first closer in the rest of the line that was opened before ``index``, or ``index`` itself."""
        depth = 0
        for at in range(index + 1, min(len(self._tokens), index + _LOOK_BACK)):
            text = self._tokens[at].text
            if self._lines.starts(at):
                break
            depth += (text in CLOSER_OF) - (text in _OPENER_OF)
            if depth < 0:
                return text
        return None

    def _has_head(self, index: int) -> bool:
        """Whether what stands before a brace, back to the last statement, may be the head of a block."""
        depth = 0
        for at in range(index - 1, max(-1, index - _LOOK_BACK), -1):
            text = self._tokens[at].text
            if text in (")", "]"):
                depth += 1
            elif text in ("(", "["):
                depth = max(0, depth - 1)
            elif depth == 0 and text in ("network", "for", "if", "else"):
                if self._lines.starts(at) or self._tokens[at - 1].text in ("{", "}", "else"):
                    return True
            elif depth == 0 and (text in ("{", "}") or text in STATEMENT_WORDS):
                return False
        return False

    def _statement_before(self, index: int) -> int:
        """Where the statement with the block at ``index`` begins, if that is after the open bracket; else ``index``."""
        floor = self._frames[-1].token
        for start in range(index - 1, max(floor, index - _LOOK_BACK), -1):
            if self._tokens[start].text in ("for", "if") and self._lines.starts(start):
                return start
        return index

    def _close_brace(self, index: int) -> None:
        if self._in_brackets() and self._replaced.get(self._frames[-1].token) == "[":
            self._replaced[index] = "]"
            self._frames.pop()
            return
        if self._careful and self._surplus > 0 and not self._lines.starts(index) and not self._on_line_of_opener(index):
            self._surplus -= 1
            self._stray(index)
            return
        self._end_brackets(index)
        if not self._frames:
            self.brace_errors += 1
            if not self._careful or not self._supply_brace(index):
                self._stray(index)
            return
        if self._careful and self._lines.starts(index):
            indentation = self._lines.indentation(index)
            if any(frame.indentation == indentation for frame in self._frames):
                while self._frames[-1].indentation != indentation:
                    self._leave_brace(index, self._frames.pop())
            elif self._surplus > 0 and indentation > self._frames[-1].indentation:
                self._surplus -= 1
                self._stray(index)
                return
        self._frames.pop()

    def _supply_brace(self, index: int) -> bool:
        """A ``}`` closes nothing because the network before it has no ``{``: put one after its head."""
        head = index - 1
        while head >= 0 and self._tokens[head].text not in ("network", "{", "}"):
            head -= 1
        if head < 0 or self._tokens[head].text != "network" or head in self._supplied:
            return False
        first = next((at for at in range(head + 1, index) if self._lines.starts(at)), index)
        before = self._tokens[first - 1]
        brace = Token(terminals().literals["{"], "{", before.source, before.end, before.end)
        self._inserted.setdefault(first, []).append(brace)
        self._supplied.add(head)
        start = self._tokens[head].start
        told = any(d.span is not None and start <= d.span.start <= before.end for d in self._diagnostics)
        if not told and bisect_left(self._told, start) == bisect_left(self._told, self._tokens[first].start):
            self._diagnostics.append(Diagnostic("TN101", "expected `{` after the head of the network", brace.span))
        return True

    def _on_line_of_opener(self, index: int) -> bool:
        """Whether the innermost open brace stands in the same line."""
        for frame in reversed(self._frames):
            if frame.text == "{":
                opener, token = self._tokens[frame.token], self._tokens[index]
                return token.source.text.find("\n", opener.start, token.start) < 0
        return False

    def _end_braces(self, index: int) -> None:
        """``network`` or ``import`` begins a line: unless it is indented, all blocks end here."""
        if not self._frames:
            return
        indentation = self._lines.indentation(index)
        outermost = self._lines.indentation(self._frames[0].token)
        if indentation <= outermost:
            self._leave_braces(index, 0)

    def _leave_braces(self, index: int, keep: int) -> None:
        while len(self._frames) > keep:
            self._leave_brace(index, self._frames.pop())

    def _leave_brace(self, index: int, frame: Frame) -> None:
        self.brace_errors += 1
        index = self._outdented(frame, index)
        self._insert(index, frame)
        opener, next_ = self._tokens[frame.token], self._tokens[index]
        labels: tuple[Label, ...] = ()
        if next_.text == "}" and self._lines.starts(index):
            labels = (Label(next_.span, "this `}` is indented like a block further out"),)
        elif next_.type != END:
            labels = (Label(next_.span, "`}` is missing before this"),)
        self._diagnostics.append(
            Diagnostic("TN105", "this `{` is never closed", opener.span, "never closed", labels, "add `}`")
        )

    def _outdented(self, frame: Frame, index: int) -> int:
        """The first line of a block that is no further in than its head: there its brace is missing; else ``index``."""
        depth = 0
        for at in range(frame.token + 1, min(index, frame.token + _LONGEST_BLOCK)):
            depth -= sum(token.text == "}" for token in self._inserted.get(at, ()))
            text = self._tokens[at].text
            if depth == 0 and self._lines.starts(at) and self._lines.indentation(at) <= frame.indentation:
                return at
            depth += (text in CLOSER_OF) - (text in _OPENER_OF)
        return index
