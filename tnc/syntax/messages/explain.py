"""What is said, and how it goes on: the first rule that knows a failure answers."""

from __future__ import annotations

from typing import Final

from tnc.syntax.messages import expressions, foreign, statements
from tnc.syntax.messages.failure import Explanation, Failure, Rule
from tnc.syntax.messages.wording import expected_words, say

RULES: Final[tuple[Rule, ...]] = (
    foreign.slash_comment,
    foreign.foreign_word,
    foreign.misplaced,
    foreign.keyword_as_name,
    statements.type_of_list,
    statements.for_head,
    statements.network_head,
    statements.no_parameters,
    statements.lone_name,
    statements.pieces,
    statements.colon,
    statements.cropped,
    statements.let_with_arguments,
    statements.equals,
    statements.too_late,
    expressions.conditional,
    expressions.ranges,
    expressions.juxtaposition,
    expressions.operator,
    statements.definition_without_value,
)


def explain(failure: Failure) -> Explanation:
    """The diagnostic of a failure, and how to go on if that is certain."""
    for rule in RULES:
        if (found := rule(failure)) is not None:
            return found
    return say(failure, expected_words(failure), advice=None)
