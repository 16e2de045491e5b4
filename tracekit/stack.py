"""The stack of an exception: positions taken when it passes, text made when it is sent.

`traceback` costs milliseconds to import, and keeping the exception itself would keep the user's frames,
and what they hold, alive until the next flush. So only positions are kept, and source lines are read later.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import CodeType, TracebackType

MAX_FRAMES = 64
MAX_CHAIN = 5
MAX_SOURCE_BYTES = 1 << 20
_HERE = __file__.rpartition("/")[0]
_BETWEEN = {
    "cause": "\nThe above exception was the direct cause of the following exception:\n\n",
    "context": "\nDuring handling of the above exception, another exception occurred:\n\n",
}
# Frames of these modules are ours and say nothing about the user's code.
_OURS = {
    f"{_HERE}/{name}.py"
    for name in ("decorator", "coroutines", "invocation", "hooks", "api", "dbapi", "run", "fc_runtime")
}


def is_ours(code: CodeType) -> bool:
    """Whether code is tracekit's own wrapping around the user's."""
    return code.co_filename in _OURS


class Stack:
    """Where an exception came from. `str()` gives text in the form Python prints."""

    __slots__ = ("_parts", "_text")

    def __init__(self, exception: BaseException) -> None:
        self._parts = _chain(exception)
        self._text: str | None = None

    def __str__(self) -> str:
        if self._text is None:
            sources: dict[str, list[str]] = {}
            self._text = "".join([_render(part, sources) for part in self._parts])
        return self._text


class _Part:
    __slots__ = ("frames", "last_line", "lead")

    def __init__(self, exception: BaseException, lead: str) -> None:
        self.lead = lead
        self.frames = _positions(exception.__traceback__)
        self.last_line = _last_line(exception)


def _chain(exception: BaseException) -> list[_Part]:
    parts: list[_Part] = []
    seen: set[int] = set()
    link = ""
    current: BaseException | None = exception
    while current is not None and id(current) not in seen and len(parts) < MAX_CHAIN:
        seen.add(id(current))
        parts.append(_Part(current, ""))
        if link:
            parts[-2].lead = link
        if current.__cause__ is not None:
            link, current = _BETWEEN["cause"], current.__cause__
        else:
            link = _BETWEEN["context"]
            current = None if current.__suppress_context__ else current.__context__
    parts.reverse()
    return parts


def _positions(traceback: TracebackType | None) -> list[tuple[str, int, str]]:
    frames: list[tuple[str, int, str]] = []
    while traceback is not None:
        code = traceback.tb_frame.f_code
        if not is_ours(code):
            frames.append((code.co_filename, traceback.tb_lineno or 0, code.co_qualname))
            if len(frames) > MAX_FRAMES:  # keep the two ends: where it began and where it broke
                del frames[MAX_FRAMES // 2]
        traceback = traceback.tb_next
    return frames


def _last_line(exception: BaseException) -> str:
    from tracekit.values import clean

    kind = type(exception)
    name = kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
    text = clean(exception)
    return f"{name}: {text}" if text else name


def _render(part: _Part, sources: dict[str, list[str]]) -> str:
    lines = [part.lead]
    if part.frames:
        lines.append("Traceback (most recent call last):\n")
    for filename, number, name in part.frames:
        lines.append(f'  File "{filename}", line {number}, in {name}\n')
        source = _source_line(filename, number, sources)
        if source:
            lines.append(f"    {source}\n")
    lines.append(part.last_line + "\n")
    return "".join(lines)


def _source_line(filename: str, number: int, sources: dict[str, list[str]]) -> str:
    lines = sources.get(filename)
    if lines is None:
        lines = sources[filename] = _read(filename)
    return lines[number - 1].strip()[:200] if 0 < number <= len(lines) else ""


def _read(filename: str) -> list[str]:
    try:
        with open(filename, "rb") as file:
            return file.read(MAX_SOURCE_BYTES).decode("utf-8", "replace").split("\n")
    except OSError:  # <string>, frozen modules, zip files: a stack without source lines is still a stack
        return []
