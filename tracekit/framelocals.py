"""The local variables of the frames an exception passed through, masked (TRACEKIT_LOCALS).

Taken when the exception passes, as text: keeping the frames would keep alive what they hold, and the
variables would have changed by the time they are sent.
"""

from __future__ import annotations

import json

from tracekit.redact import MASK, Redactor
from tracekit.stack import is_ours

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import FrameType
    from typing import Any

MAX_FRAMES = 8
MAX_VARIABLES = 24
MAX_VALUE = 256
MAX_LENGTH = 8192


def describe(exception: BaseException, redact_keys: Iterable[str] = ()) -> str:
    """JSON: a list of frames, the one that raised last, each with `function`, `file`, `line`, `locals`.

    At most 8 frames nearest to where it was raised, 24 variables each, 256 characters a value; where that
    makes more than 8,192 characters, the outer frames go. Objects are named by their type: their own
    methods are not called.
    """
    redactor = Redactor(redact_keys)
    frames = _frames(exception)[-MAX_FRAMES:]
    shown = [_frame(frame, line, redactor) for frame, line in frames]
    text = _json(shown)
    while len(text) > MAX_LENGTH and len(shown) > 1:
        del shown[0]
        text = _json(shown)
    return text[:MAX_LENGTH]


def _frames(exception: BaseException) -> list[tuple[FrameType, int]]:
    found = []
    traceback = exception.__traceback__
    while traceback is not None:
        if not is_ours(traceback.tb_frame.f_code):
            found.append((traceback.tb_frame, traceback.tb_lineno or 0))
        traceback = traceback.tb_next
    return found


def _frame(frame: FrameType, line: int, redactor: Redactor) -> dict[str, Any]:
    code = frame.f_code
    variables = {} if code.co_name == "<module>" else frame.f_locals  # a module's variables are no locals
    return {
        "function": code.co_qualname,
        "file": code.co_filename,
        "line": line,
        "locals": {
            name: MASK if redactor.is_secret(name) else _value(value, redactor)
            for (name, value), _ in zip(variables.items(), range(MAX_VARIABLES))
        },
    }


def _value(value: Any, redactor: Redactor) -> Any:
    try:
        return redactor.value(value, MAX_VALUE)
    except Exception:  # a mapping of the user's own may do anything when it is read
        return f"<unreadable {type(value).__name__}>"


def _json(frames: list[dict[str, Any]]) -> str:
    return json.dumps(frames, ensure_ascii=False, separators=(",", ":"))
