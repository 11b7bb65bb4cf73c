"""The compiled grammar. No other module imports lark."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Literal, Protocol, TypeAlias, cast

from lark import Lark, UnexpectedToken
from lark.lexer import PatternStr
from lark.parsers.lalr_analysis import Shift

from tnc.syntax.build import Builder
from tnc.syntax.tokens import END, Token

Start: TypeAlias = Literal["file", "expression"]


class _Callbacks:
    """The builder's methods as lark calls them: by the name of a rule, with one list."""

    def __init__(self) -> None:
        for name in dir(Builder):
            if not name.startswith("_"):
                setattr(self, name, self._spread(getattr(Builder, name)))

    @staticmethod
    def _spread(method: Callable[..., object]) -> Callable[[list[Any]], object]:
        return lambda children: method(*children)


def grammar_text() -> str:
    """The text of ``grammar/tn.lark``."""
    return files("tnc.grammar").joinpath("tn.lark").read_text(encoding="utf-8")


@cache
def _compiled() -> Lark:
    return Lark(
        grammar_text(),
        parser="lalr",
        lexer="basic",
        start=["file", "expression"],
        keep_all_tokens=True,
        maybe_placeholders=True,
        transformer=_Callbacks(),
    )


@dataclass(frozen=True, slots=True)
class Terminals:
    """The grammar's terminals: regular expressions by name, and the name of each literal."""

    patterns: dict[str, str]
    literals: dict[str, str]

    @property
    def keywords(self) -> frozenset[str]:
        """The literals that are words."""
        return frozenset(literal for literal in self.literals if literal.isidentifier())


@cache
def terminals() -> Terminals:
    """The terminals of the grammar, so that the scanner need not repeat them."""
    patterns: dict[str, str] = {}
    literals: dict[str, str] = {}
    for terminal in _compiled().terminals:
        if isinstance(terminal.pattern, PatternStr):
            literals[terminal.pattern.value] = terminal.name
        else:
            patterns[terminal.name] = terminal.pattern.to_regexp()
    return Terminals(patterns, literals)


@cache
def _shown() -> dict[str, str]:
    """The literal behind each terminal's name."""
    return {name: literal for literal, name in terminals().literals.items()}


class _Table(Protocol):
    """What is used of lark, which is typed in part: the actions of the automaton's states, ..."""

    states: dict[int, dict[str, tuple[object, object]]]


class _State(Protocol):
    """... a run of the automaton, ..."""

    parse_conf: _Table
    state_stack: list[int]
    value_stack: list[object]

    def feed_token(self, token: Token, is_end: bool) -> object: ...


class _Run(Protocol):
    """... and what can be asked about it."""

    parser_state: _State

    def accepts(self) -> set[str]: ...


def _run(start: Start) -> _Run:
    lark: Any = _compiled()
    return cast(_Run, lark.parse_interactive(start=start))


@cache
def _statement_states() -> frozenset[int]:
    """The states of the automaton in which a statement may begin: ``let`` may, in a file as in a network."""
    let = terminals().literals["let"]
    states = _run("file").parser_state.parse_conf.states
    return frozenset(state for state, actions in states.items() if let in actions and actions[let][0] is Shift)


class Machine:
    """One run of the LALR automaton, fed token by token."""

    __slots__ = ("_run", "_state", "_states", "result")

    def __init__(self, start: Start) -> None:
        self._run = _run(start)
        self._state = self._run.parser_state
        self._states = _statement_states()
        self.result: Any = None

    def feed(self, token: Token) -> bool:
        """Take a token; False if it cannot stand here (some reductions may have happened nevertheless)."""
        try:
            result = self._state.feed_token(token, token.type == END)
        except UnexpectedToken:
            return False
        if token.type == END:
            self.result = result
        return True

    @property
    def depth(self) -> int:
        """How much is open: a bound on the nesting of what was not finished yet."""
        return len(self._state.state_stack)

    @property
    def between_statements(self) -> bool:
        """Whether nothing of a statement has been taken yet."""
        return self._state.state_stack[-1] in self._states

    @property
    def began_statement(self) -> bool:
        """Whether the token just taken is the first of a statement."""
        return self._state.state_stack[-2] in self._states

    def finish_statement(self, place: Token) -> bool:
        """End the statement here, if it can; its value is kept. ``place`` is a token of the text, for its source."""
        done = self.feed(place._replace(type=terminals().literals["let"], text="let"))
        if done:
            self.leave_statement()
        return done

    def leave_statement(self) -> None:
        """Forget the unfinished statement, so that the next one may begin."""
        states, values = self._state.state_stack, self._state.value_stack
        closed = 0
        while closed or states[-1] not in self._states:
            states.pop()
            value = values.pop()
            if isinstance(value, Token):
                closed += (value.text == "}") - (value.text == "{")

    def expected(self) -> frozenset[str]:
        """What may come next: literals as they are written, NAME, NUMBER, STRING, and $END."""
        shown = _shown()
        return frozenset(shown.get(name, name) for name in self._run.accepts())
