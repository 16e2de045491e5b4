"""Stack traces as senders print them, line by line, with the place in the code found where a line has one.

Each language's frame is one pattern in FRAMES, tried in order; a line that fits none stays plain text, so
an unknown language loses the emphasis and nothing else.

A function may be installed as a package is, among its libraries. Where no frame lies outside of their
folders, the package that the stack begins in is taken for the function's own: a span's stack begins in
what it traces.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

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
_INSTALLED = re.compile(r".*[/\\](?:site-packages|dist-packages|node_modules)[/\\]")
# How a stack trace of Python begins: the only one that names the innermost frame last.
PYTHON = "Traceback (most recent call last)"


@dataclass(frozen=True, slots=True)
class StackLine:
    """A line as printed. `file` is "" and `number` 0 where it is not a frame; `library` marks frames
    outside the function's own code."""

    text: str
    file: str = ""
    number: int = 0
    function: str = ""
    library: bool = False

    @property
    def place(self) -> str:
        """The file as people name it: an installed one from its package on, without the folders above."""
        return _INSTALLED.sub("", self.file)


def parse(stacktrace: str) -> tuple[StackLine, ...]:
    """The lines of a stack trace, in the sender's order."""
    lines = tuple(_parse_line(line) for line in stacktrace.splitlines())
    own = _own_package([line for line in lines if line.file], PYTHON in stacktrace)
    if not own:
        return lines
    return tuple(replace(line, library=False) if _package(line.file) == own else line for line in lines)


def _own_package(frames: Sequence[StackLine], outermost_first: bool) -> str:
    """The package of the outermost frame, if all frames are of libraries; "" otherwise."""
    if not frames or not all(frame.library for frame in frames):
        return ""
    return _package(frames[0 if outermost_first else -1].file)


def _package(file: str) -> str:
    """The folder or file that was installed; "" for what was not."""
    folders = _INSTALLED.match(file)
    return folders[0] + re.split(r"[/\\]", file[folders.end() :])[0] if folders else ""


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
