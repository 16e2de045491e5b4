"""A timer trigger: calls a function at a fixed interval until stopped."""

from __future__ import annotations

import threading
from collections.abc import Callable


class Timer:
    """Calls `fire` after `first_s` seconds and every `every_s` from then on, late calls not piled up."""

    def __init__(self, fire: Callable[[], None], *, first_s: float, every_s: float) -> None:
        self._fire = fire
        self._first_s = first_s
        self._every_s = every_s
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="timer", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """No call will follow; one being made goes on."""
        self._closing.set()

    def drain(self, timeout_s: float) -> bool:
        """Waits for a call being made. Returns whether it has returned."""
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _run(self) -> None:
        pause = self._first_s
        while not self._closing.wait(pause):
            self._fire()
            pause = self._every_s
