"""What happens when something of ours fails inside somebody else's program: count it, say it once, go on."""

from __future__ import annotations

import sys

_said: set[str] = set()
failures = 0


def report(error: BaseException, where: str) -> None:
    """Counts a failure of tracekit itself and prints one line for each place and type. Never raises."""
    global failures
    failures += 1
    try:
        message = f"{where}: {type(error).__name__}: {error}"
    except Exception:  # the error's own __str__ may be what is broken
        message = f"{where}: {type(error).__name__}"
    say(message, key=f"{where}:{type(error).__name__}")


def say(message: str, key: str | None = None) -> None:
    """Prints one line on stderr, once a process for each key (the message itself by default)."""
    key = key or message
    if key in _said or len(_said) > 200:
        return
    _said.add(key)
    try:
        sys.stderr.write(f"tracekit: {message}\n")
    except Exception:  # a closed or replaced stderr is the host's business
        return
