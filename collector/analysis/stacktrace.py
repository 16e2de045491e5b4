"""Stack traces as senders print them, line by line, with the place in the code found where a line has one.

Each language's frame is one pattern in FRAMES, tried in order; a line that fits none stays plain text, so
an unknown language loses the emphasis and nothing else.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

# Longer lines are not frames, and keep the patterns' work bounded.
LONGEST_FRAME = 1_000

# Groups: file, line, and function where the language prints it on the same line.
FRAMES: tuple[re.Pattern[str], ...] = (
    re.compile(r'^\s*File "(?P<file>[^"]+)", line (?P<line>\d+)(?:, in (?P<function>.+))?$'),  # Python
    re.compile(
        r"^\s*at (?P<function>[^()]+) \((?P<file>[^()]+?):(?P<line>\d+)(?::\d+)?\)$"
    ),  # JavaScript, Java
    re.compile(r"^\s*at (?P<function>[\w.$<>/]+)\((?P<file>[^():]+):(?P<line>\d+)\)$"),  # Java
    re.compile(r"^\s*at (?P<file>[^\s()]+?):(?P<line>\d+)(?::\d+)?$"),  # JavaScript, anonymous
    re.compile(r"^\s*at (?P<function>.+) in (?P<file>.+):line (?P<line>\d+)$"),  # .NET
    re.compile(r"^\s+(?P<file>/\S+\.go):(?P<line>\d+)(?: \+0x[0-9a-f]+)?$"),  # Go
    re.compile(r"^\s*(?:from )?(?P<file>[^\s:]+\.rb):(?P<line>\d+):in [`'](?P<function>[^']+)'$"),  # Ruby
    re.compile(r"^#\d+ (?P<file>[^\s()]+)\((?P<line>\d+)\): (?P<function>.+)$"),  # PHP
)

# Folders of code that the function's author did not write.
_LIBRARIES = (
    "site-packages",
    "dist-packages",
    "node_modules",
    "/lib/python",
    "<frozen",
    "node:",
    "/usr/lib/",
)


@dataclass(frozen=True, slots=True)
class StackLine:
    """A line as printed. `file` is "" and `number` 0 where it is not a frame; `library` marks frames
    outside the function's own code."""

    text: str
    file: str = ""
    number: int = 0
    function: str = ""
    library: bool = False


def parse(stacktrace: str) -> tuple[StackLine, ...]:
    """The lines of a stack trace, in the sender's order."""
    return tuple(_parse_line(line) for line in stacktrace.splitlines())


def _parse_line(text: str) -> StackLine:
    if len(text) > LONGEST_FRAME:
        return StackLine(text)
    for frame in FRAMES:
        if found := frame.match(text):
            groups = found.groupdict()
            library = any(folder in groups["file"] for folder in _LIBRARIES)
            number = int(groups["line"][:9])
            return StackLine(text, groups["file"], number, groups.get("function") or "", library)
    return StackLine(text)
