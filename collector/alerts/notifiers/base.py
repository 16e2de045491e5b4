"""What every way of telling somebody has in common: targets, errors, and when to try again."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

from collector.alerts.notification import Notification

# 5 s, 10 s, 20 s ... 5 min between attempts; after an hour nobody wants to hear of it any more.
FIRST_RETRY_S = 5.0
LONGEST_RETRY_S = 300.0
GIVE_UP_AFTER_S = 3600.0


class InvalidTarget(ValueError):
    """This address can never be told anything; the message says why and repeats no secret."""


class DeliveryError(Exception):
    """A message did not arrive. `final`: another attempt cannot help. Repeats no secret of the target."""

    def __init__(self, reason: str, *, final: bool, retry_after_s: float | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.final = final
        self.retry_after_s = retry_after_s


@dataclass(frozen=True, slots=True)
class Policy:
    """What the operator allows and what messages say about this server."""

    allow_private: bool = False  # loopback, private and link-local addresses
    external_url: str = ""  # where the dashboards are reached, for links in messages
    timeout_s: float = 10.0  # for one attempt in all, name resolution included


@dataclass(frozen=True, slots=True)
class Delivery:
    """What became of one attempt."""

    delivered: bool
    reason: str = ""
    final: bool = True
    retry_after_s: float | None = None


class Notifier(ABC):
    """One kind of receiver. A subclass says which targets are its own, checks them, and sends once."""

    key: ClassVar[str]

    @abstractmethod
    def accepts(self, target: str) -> bool:
        """Whether the target is of this kind; the first notifier of the registry that accepts gets it."""

    @abstractmethod
    def check(self, target: str, policy: Policy) -> None:
        """Raise InvalidTarget for what can be told to be wrong without any network."""

    @abstractmethod
    def send(self, target: str, notification: Notification, policy: Policy) -> None:
        """One attempt within `policy.timeout_s`. Raises InvalidTarget, DeliveryError or OSError."""

    def deliver(self, target: str, notification: Notification, policy: Policy) -> Delivery:
        """One attempt, its errors told apart into those worth another one and final ones."""
        try:
            self.send(target, notification, policy)
        except InvalidTarget as error:
            return Delivery(False, str(error))
        except DeliveryError as error:
            return Delivery(False, error.reason, error.final, error.retry_after_s)
        except TimeoutError:
            return Delivery(False, f"no answer within {policy.timeout_s:g} s", final=False)
        except OSError as error:
            return Delivery(False, error.strerror or type(error).__name__, final=False)
        return Delivery(True)


def retry_delay_s(attempts: int, retry_after_s: float | None = None) -> float:
    """How long to wait after the given number of failed attempts; what the receiver asks for is a minimum."""
    delay: float = min(FIRST_RETRY_S * 2.0 ** min(attempts - 1, 16), LONGEST_RETRY_S)
    return max(delay, min(retry_after_s or 0.0, LONGEST_RETRY_S))
