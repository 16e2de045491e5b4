"""Messages on their way out: written with the transition they tell of, so that a crash loses none."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from collector.alerts.notification import Notification
from collector.control import Database

MessageStatus = Literal["waiting", "delivered", "failed", "superseded"]


@dataclass(frozen=True, slots=True)
class Message:
    """One notification for one target, and what became of it so far. `target` holds secrets."""

    id: int
    rule_id: int
    target: str
    body: str
    test: bool
    created_ns: int
    due_ns: int
    attempts: int
    status: MessageStatus
    reason: str
    attempted_ns: int  # the latest attempt; 0 before the first

    @property
    def notification(self) -> Notification:
        return Notification.from_json(self.body)


class Outbox:
    """The stored messages. Thread-safe."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._listeners: list[Callable[[], None]] = []

    def subscribe(self, listener: Callable[[], None]) -> None:
        """Call the listener, from whichever thread, after messages were added."""
        self._listeners.append(listener)

    def add(self, target: str, notification: Notification) -> int:
        """Store a message of its own; returns its id."""
        with self._database.writing() as connection:
            message_id = insert(connection, target, notification)
        self.announce()
        return message_id

    def announce(self) -> None:
        """Tell the listeners that there is work."""
        for listener in self._listeners:
            listener()

    def due(self, now_ns: int) -> list[Message]:
        """Waiting messages whose time has come, oldest first."""
        return self._select(
            "WHERE status = 'waiting' AND due_ns <= ? ORDER BY id LIMIT 1000",
            now_ns,
        )

    def message(self, message_id: int) -> Message | None:
        found = self._select("WHERE id = ?", message_id)
        return found[0] if found else None

    def latest(self, rule_id: int) -> Message | None:
        """The rule's latest message, tests included."""
        found = self._select("WHERE rule_id = ? ORDER BY id DESC LIMIT 1", rule_id)
        return found[0] if found else None

    def delivered(self, message_id: int, now_ns: int) -> None:
        """The receiver has it, even if a later message took its place meanwhile."""
        self._attempted(message_id, "delivered", "", now_ns, now_ns)

    def failed(self, message_id: int, reason: str, now_ns: int) -> None:
        """No further attempt will be made."""
        self._attempted(message_id, "failed", reason, now_ns, now_ns)

    def postponed(self, message_id: int, reason: str, now_ns: int, due_ns: int) -> None:
        """This attempt failed; the next one is due then."""
        self._attempted(message_id, "waiting", reason, now_ns, due_ns)

    def _attempted(
        self, message_id: int, status: MessageStatus, reason: str, now_ns: int, due_ns: int
    ) -> None:
        with self._database.writing() as connection:
            connection.execute(
                "UPDATE alert_messages "
                "SET attempts = attempts + 1, reason = ?, attempted_ns = ?, due_ns = ?, "
                "status = CASE WHEN status = 'superseded' AND ? <> 'delivered' THEN status ELSE ? END "
                "WHERE id = ?",
                (reason, now_ns, due_ns, status, status, message_id),
            )

    def _select(self, where: str, value: int) -> list[Message]:
        with self._database.reading() as connection:
            rows = connection.execute(f"SELECT * FROM alert_messages {where}", (value,)).fetchall()
        return [_message(row) for row in rows]


def insert(connection: sqlite3.Connection, target: str, notification: Notification) -> int:
    """Add a message inside a transaction of the caller's.

    It takes the place of what its rule still had to say: a receiver that was away hears how things
    are, not how they were. Tests stand apart.
    """
    if not notification.test:
        connection.execute(
            "UPDATE alert_messages SET status = 'superseded' "
            "WHERE rule_id = ? AND status = 'waiting' AND NOT test AND target = ?",
            (notification.rule_id, target),
        )
    cursor = connection.execute(
        "INSERT INTO alert_messages (rule_id, target, body, test, created_ns, due_ns) "
        "VALUES (?, ?, ?, ?, ?, ?)",
        (
            notification.rule_id,
            target,
            notification.to_json(),
            notification.test,
            notification.at_ns,
            notification.at_ns,
        ),
    )
    return int(cursor.lastrowid or 0)


def _message(row: sqlite3.Row) -> Message:
    return Message(**{**dict(row), "test": bool(row["test"])})
