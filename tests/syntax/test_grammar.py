"""The grammar is LALR(1) as it stands: no conflict is settled by a rule of the parser generator."""

from __future__ import annotations

import logging

import pytest
from lark import Lark, logger

from tnc.syntax.grammar import grammar_text


def conflicts(text: str, caplog: pytest.LogCaptureFixture) -> list[str]:
    """What lark says about conflicts while it builds the table; reduce/reduce ones it refuses."""
    caplog.clear()
    with caplog.at_level(logging.DEBUG, logger=logger.name):
        Lark(text, parser="lalr", lexer="basic", start=["file", "expression"], debug=True)
    return [record.getMessage() for record in caplog.records if "conflict" in record.getMessage()]


def test_there_is_no_conflict(caplog: pytest.LogCaptureFixture) -> None:
    assert conflicts(grammar_text(), caplog) == []


def test_a_conflict_is_seen(caplog: pytest.LogCaptureFixture) -> None:
    ambiguous = grammar_text().replace('"assert" expression ["," STRING]', '"assert" expression "assert"? ["," STRING]')
    assert ambiguous != grammar_text()
    assert conflicts(ambiguous, caplog)
