"""What makes two failures one: the same rules in every engine, as patterns that Python and RE2 share."""

from __future__ import annotations

import re

# Quoted text (not an apostrophe inside of a word), UUIDs, hexadecimal and decimal numbers: what a message
# says of this one call. \B before a quote: the character before it is no letter.
MESSAGE_VALUES = (
    r"\B'[^']*'|\B\"[^\"]*\""
    r"|[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}"
    r"|\b0x[0-9a-fA-F]+|\b[0-9a-fA-F]{16,}\b|[0-9]+(?:\.[0-9]+)?"
)
STACK_VALUES = "[0-9]+"

_MESSAGE_VALUES = re.compile(MESSAGE_VALUES, re.ASCII)
_STACK_VALUES = re.compile(STACK_VALUES)


def pattern_of(message: str) -> str:
    """The message with its values replaced by ?."""
    return _MESSAGE_VALUES.sub("?", message)


def place_of(stacktrace: str, message: str) -> str:
    """The stack trace without message and line numbers: equal for failures of the same place."""
    bare = stacktrace.replace(message, "") if message else stacktrace
    return _STACK_VALUES.sub("0", bare)
