"""What an exporter is: encodes spans to a payload of its own kind, and sends one payload under a deadline."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from tracekit.span import Span

DONE, RETRY, REFUSED = "done", "retry", "refused"


class Result:
    """How a sending ended: delivered, worth trying again (not before `retry_after_s` seconds), or final.
    `absent`: final because the endpoint has no place for what was sent."""

    __slots__ = ("absent", "message", "outcome", "retry_after_s")

    def __init__(self, outcome: str, message: str = "", retry_after_s: float = 0.0) -> None:
        self.outcome = outcome
        self.message = message
        self.retry_after_s = retry_after_s
        self.absent = False


class Exporter:
    """Base of all exporters. One thread at a time calls `send`; `encode` may run on another meanwhile."""

    # The name of what `encode` makes, if that is bytes which a later process may send: the spool keeps those.
    spools_as = ""
    # Seconds that sending one payload may take, whatever its deadline.
    timeout_s = float("inf")

    def encode(self, spans: list[Span], resource: Mapping[str, Any], dropped: int) -> tuple[Any, int]:
        """The spans as a payload and its size in bytes (an estimate where it is no bytes).

        `dropped` spans were lost before these and should be reported with them. Must not keep `spans`' list.
        """
        raise NotImplementedError

    def send(self, body: Any, deadline: float) -> Result:
        """Delivers a payload before `deadline` (time.monotonic). Must not raise for what a network does."""
        raise NotImplementedError

    def join(self, bodies: list[Any]) -> Any:
        """Several payloads as one, in their order; None if they must be sent one by one."""
        return None

    def forget_connection(self) -> None:
        """Called in a forked child: whatever is open belongs to the parent."""

    def interrupt(self) -> bool:
        """Called at exit while another thread is in `send`, which should return soon. True if the process
        must wait for that: where foreign code would go on working on what the exit takes apart."""
        return False

    def close(self) -> None:
        """Releases what is open. Called once, at exit."""
