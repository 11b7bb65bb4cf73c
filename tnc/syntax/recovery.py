"""The parser proper: the automaton over the tokens, and the way back from an error to the next statement.

At a token that cannot stand where it does, the parser says so once, repairs what is certain (a missing comma,
``=`` for ``==``) and otherwise drops the statement and goes on with the next one. The head of a block that
cannot be read is replaced by one that can, so that the block is still read and its brace still belongs to it.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from functools import cached_property
from typing import Any, Final

from tnc.diagnostics import Diagnostic
from tnc.limits import Limits
from tnc.source import Span
from tnc.syntax.grammar import Machine, terminals
from tnc.syntax.messages import Failure, Repair, explain
from tnc.syntax.scanner import too_deep, too_many
from tnc.syntax.structure import CLOSER_OF, STATEMENT_WORDS, Lines
from tnc.syntax.tokens import END, MOST_ERRORS, Token

_STATES_A_LEVEL: Final = 24
"""Bound on the states of the automaton for each level of the tree."""

_MOST_RECOVERIES: Final = 10 * MOST_ERRORS
"""Maximum number of recoveries in one file; one diagnostic may stand for many errors."""

_LONGEST_HEAD: Final = 64
"""Maximum number of tokens of a name that are searched for the legs of a definition."""


class Recovery:
    """One run over the tokens of a file, whose brackets match."""

    def __init__(self, tokens: list[Token], found: list[Diagnostic], limits: Limits) -> None:
        self.diagnostics: list[Diagnostic] = []
        self.broken: list[Span] = []
        self._tokens = tokens
        self._lines = Lines(tokens)
        self._limits = limits
        self._machine = Machine("file")
        self._start: int | None = None
        self._misplaced = False
        self._outer: list[int | None] = []
        self._reported = sorted(diagnostic.span.start for diagnostic in found if diagnostic.span is not None)

    def run(self) -> Any:
        """The statements of the file; None if the text had to be given up."""
        machine, tokens = self._machine, self._tokens
        deepest = _STATES_A_LEVEL * (self._limits.nesting + 4)
        index = 0
        recoveries = 0
        while True:
            token = tokens[index]
            if not machine.feed(token):
                index = self._recover(index)
                recoveries += 1
                if len(self.diagnostics) >= MOST_ERRORS or recoveries >= _MOST_RECOVERIES:
                    self.diagnostics.append(too_many(token.span))
                    return None
                continue
            if token.type == END:
                return machine.result
            if machine.began_statement:
                self._start = index
                self._misplaced = self._misplaced and token.text != "network"
            if token.text == "{":
                self._outer.append(self._start)
                self._start = None
            elif token.text == "}":
                self._start = self._outer.pop()
            elif machine.depth > deepest:
                self.diagnostics.append(too_deep(token.span, self._limits))
                return None
            index += 1

    # -- at an error ---------------------------------------------------------------------------

    def _recover(self, index: int) -> int:
        """Report a token that cannot stand here; returns the index of the token to continue with."""
        machine, tokens = self._machine, self._tokens
        start = index if machine.between_statements or self._start is None else self._start
        in_network = bool(self._outer)
        failure = Failure(tokens, self._lines, start, index, self._expected(start, index), in_network)
        if not self._is_reported(tokens[start].start, tokens[index].end):
            diagnostic, repair = explain(failure)
            if diagnostic.code != "TN108" or in_network or not self._misplaced:
                self.diagnostics.append(diagnostic)
            self._misplaced = self._misplaced or (diagnostic.code == "TN108" and not in_network)
            place = tokens[index].start if diagnostic.span is None else diagnostic.span.start
            insort(self._reported, min(place, tokens[index].start))
            # Without its block, what was meant to be in a network stands outside: the reader knows why.
            self._misplaced = self._misplaced or (tokens[start].text == "network" and "{" in failure.expected)
            if repair is not None and self._repair(repair, tokens[index]):
                return index + repair.takes
        if "let" in failure.expected and machine.finish_statement(tokens[index]):
            return self._resume(index, index)
        machine.leave_statement()
        return self._resume(start, index)

    def _is_reported(self, start: int, end: int) -> bool:
        """Whether an error of this statement was reported already: one cause, one diagnostic."""
        return bisect_left(self._reported, start) < bisect_left(self._reported, end)

    def _expected(self, start: int, index: int) -> frozenset[str]:
        """What may stand at a token, asked before the automaton has seen the token."""
        if index == start:
            return self._machine.expected()
        fresh = Machine("file")
        if self._outer:
            self._feed_words(fresh, ("network", "_", "(", ")", "{"), self._tokens[start])
        for token in self._tokens[start:index]:
            if not fresh.feed(token):
                return self._machine.expected()
        return fresh.expected()

    @staticmethod
    def _feed_words(machine: Machine, words: tuple[str, ...], place: Token) -> bool:
        """Feed tokens that are not in the text; a word that is not a literal is a name."""
        literals = terminals().literals
        for word in words:
            if not machine.feed(Token(literals.get(word, "NAME"), word, place.source, place.start, place.start)):
                return False
        return True

    def _repair(self, repair: Repair, token: Token) -> bool:
        if repair.as_name:
            return self._machine.feed(token._replace(type="NAME"))
        return self._feed_words(self._machine, repair.words, token)

    # -- on to the next statement --------------------------------------------------------------

    @cached_property
    def _partners(self) -> tuple[list[int], list[int]]:
        """For every token the index of its closing bracket (of itself, for others), and of the bracket around it."""
        closers = list(range(len(self._tokens)))
        around = [-1] * len(self._tokens)
        frames: list[int] = []
        for index, token in enumerate(self._tokens):
            around[index] = frames[-1] if frames else -1
            if token.text in CLOSER_OF:
                frames.append(index)
            elif token.text in (")", "]", "}") and frames:
                closers[frames.pop()] = index
        return closers, around

    def _resume(self, start: int, index: int) -> int:
        """Skip the rest of a statement; returns the index of the token to continue with."""
        tokens = self._tokens
        closers, around = self._partners
        at = index
        while around[at] >= start and tokens[around[at]].text != "{":
            at = closers[around[at]] + 1
        while True:
            token = tokens[at]
            if token.type == END or token.text == "}":
                break
            if token.text == "{" and self._has_block(start):
                self._feed_head(start, at)
                break
            if at > start and self._begins_statement(at, start):
                break
            at = closers[at] + 1
        if at > start:
            self.broken.append(tokens[start].span.to(tokens[at - 1].span))
        return at

    def _has_block(self, start: int) -> bool:
        """Whether braces after this head hold statements; in ``def f(x) { x }`` their content is unknown."""
        first, second = self._tokens[start], self._tokens[start + 1]
        if not self._outer:
            return first.text not in ("def", "fn", "let")
        if first.type == "NAME":
            return second.text not in ("(", "[", ".", "=")
        return first.text in ("network", "for", "if", "else", "{")

    def _feed_head(self, start: int, brace: int) -> None:
        """Before a block whose head could not be read: a head that can."""
        tokens = self._tokens
        place = tokens[start]
        name = tokens[start + 1] if start + 1 < brace else place
        head: tuple[str, ...] = ("if", "true")
        if not self._outer:
            named = tokens[start].text == "network" and name.type == "NAME"
            head = ("network", name.text if named else "_", "(", ")")
        taken = self._feed_words(self._machine, head, place)
        assert taken
        self._start = start

    def _begins_statement(self, index: int, start: int) -> bool:
        """Whether a token outside all brackets looks like the first of a statement."""
        token, before = self._tokens[index], self._tokens[index - 1]
        if token.text in STATEMENT_WORDS:
            return before.text != ":"
        if not self._lines.starts(index):
            return False
        if token.text in ("for", "if"):
            return before.type in ("NAME", "NUMBER", "STRING") or before.text in (
                ")",
                "]",
                "}",
                "true",
                "false",
                "complex",
                "frozen",
            )
        if token.type != "NAME":
            return False
        return self._lines.indentation(index) <= self._lines.indentation(start) or self._begins_definition(index)

    def _begins_definition(self, index: int) -> bool:
        """Whether ``name[…].name(…)`` and ``=`` or ``reshape`` stand here."""
        closers, _ = self._partners
        at = index + 1
        for _ in range(_LONGEST_HEAD):
            text = self._tokens[at].text
            if text == "(":
                return self._tokens[closers[at] + 1].text in ("=", "reshape")
            if text == "[":
                at = closers[at] + 1
            elif text == "." and self._tokens[at + 1].type == "NAME":
                at += 2
            else:
                return False
        return False
