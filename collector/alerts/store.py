"""Rules, the alerts they have made, and their history, in SQLite. State survives restarts."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from collector.alerts import outbox, validation
from collector.alerts.notification import Notification
from collector.alerts.notifiers.base import Policy
from collector.alerts.outbox import Outbox
from collector.alerts.rule import Alert, Rule, Transition
from collector.alerts.validation import InvalidRule
from collector.control import Component, Database

_TABLES = Component("alerts", "collector.alerts", ("schema_1.sql",))
MAX_RULES = 500
KEPT_TRANSITIONS = 10_000
KEPT_MESSAGES_NS = 7 * 86_400 * 1_000_000_000

_RULE_COLUMNS = (*validation.EDITABLE, "created_ns", "updated_ns")
_ALERT_COLUMNS = tuple(Alert.__dataclass_fields__)
_TRANSITION_DELIVERY = """
    CASE m.status
        WHEN 'delivered' THEN 'delivered'
        WHEN 'superseded' THEN 'replaced by a later message'
        WHEN 'failed' THEN 'not delivered: ' || m.reason
        WHEN 'waiting' THEN CASE m.attempts WHEN 0 THEN 'waiting' ELSE 'trying again: ' || m.reason END
        ELSE ''
    END
"""


class UnknownRule(LookupError):
    """There is no rule of this id (any more)."""


@dataclass(frozen=True, slots=True)
class WatchedRule:
    """A rule as the evaluator sees it."""

    rule: Rule
    deleted: bool
    error: str

    @property
    def watch(self) -> bool:
        """False once it is switched off or deleted: its alerts end."""
        return self.rule.enabled and not self.deleted


class AlertStore:
    """Thread-safe. Raises RetryLater when the file cannot be used at the moment."""

    def __init__(self, database: Database, policy: Policy, clock: Callable[[], int] = time.time_ns) -> None:
        self._database = database
        self._clock = clock
        self.policy = policy
        self.outbox = Outbox(database)

    @classmethod
    def open(
        cls,
        path: str | Path,
        *,
        allow_private_webhooks: bool = False,
        external_url: str = "",
        clock: Callable[[], int] = time.time_ns,
    ) -> AlertStore:
        """Open or create the file (`control.sqlite` in the data folder).

        `allow_private_webhooks` lets rules call loopback, private and link-local addresses;
        `external_url` is where the dashboards are reached, for links in messages.
        """
        return cls(Database.open(path, _TABLES), Policy(allow_private_webhooks, external_url), clock)

    def close(self) -> None:
        self._database.close()

    # ------------------------------------------------------------ rules

    def rules(self) -> tuple[Rule, ...]:
        """By name, ignoring case, then by id. Names need not be unique: a rule is its id."""
        return tuple(watched.rule for watched in self.watched() if not watched.deleted)

    def rule(self, rule_id: int) -> Rule | None:
        """None if there is none (any more)."""
        if not 0 < rule_id < 2**63:
            return None
        with self._database.reading() as connection:
            row = connection.execute(
                "SELECT * FROM alert_rules WHERE id = ? AND NOT deleted", (rule_id,)
            ).fetchone()
        return _rule(row) if row else None

    def save(self, rule: Rule) -> Rule:
        """Store a new rule (id 0) or replace one; returns it with its id and times.

        Raises InvalidRule with every problem at once, UnknownRule if its id is not stored.
        """
        rule = replace(rule, name=rule.name.strip(), threshold=float(rule.threshold))
        validation.check(rule, self.policy)
        rule = replace(rule, updated_ns=self._clock())
        with self._database.writing() as connection:
            return _replaced(connection, rule) if rule.id else _added(connection, rule)

    def delete(self, rule_id: int) -> bool:
        """Whether there was such a rule. Its firing alerts are resolved at the next evaluation."""
        if self.rule(rule_id) is None:
            return False
        with self._database.writing() as connection:
            connection.execute("UPDATE alert_rules SET deleted = 1 WHERE id = ?", (rule_id,))
        return True

    def errors(self) -> dict[int, str]:
        """Rules whose latest evaluation failed, and why."""
        return {watched.rule.id: watched.error for watched in self.watched() if watched.error}

    # ------------------------------------------------------------ alerts

    def alerts(self) -> tuple[Alert, ...]:
        """Firing, pending, then lately resolved ones; within each the latest first."""
        with self._database.reading() as connection:
            rows = connection.execute(
                "SELECT * FROM alerts ORDER BY "
                "CASE state WHEN 'firing' THEN 0 WHEN 'pending' THEN 1 ELSE 2 END, "
                "max(active_since_ns, fired_ns, resolved_ns) DESC, rule_id, service"
            ).fetchall()
        return tuple(Alert(**dict(row)) for row in rows)

    def history(
        self, limit: int = 100, rule_id: int = 0, *, only_told: bool = False
    ) -> tuple[Transition, ...]:
        """The latest transitions first, of one rule or of all. `only_told` leaves out what is nobody's
        business: alerts that became pending, and those that came to nothing."""
        with self._database.reading() as connection:
            rows = connection.execute(
                "SELECT t.at_ns, t.rule_id, t.rule_name, t.service, t.state, t.value, "
                f"{_TRANSITION_DELIVERY} AS delivery FROM alert_transitions t "
                "LEFT JOIN alert_messages m ON m.id = t.message_id "
                "WHERE ? IN (0, t.rule_id) AND (t.state IN ('firing', 'resolved') OR NOT ?) "
                "ORDER BY t.id DESC LIMIT ?",
                (rule_id, only_told, max(0, min(limit, KEPT_TRANSITIONS))),
            ).fetchall()
        return tuple(Transition(**dict(row)) for row in rows)

    # ------------------------------------------------------------ for the evaluator

    def watched(self) -> tuple[WatchedRule, ...]:
        """All rules, deleted ones that still have alerts to end included."""
        with self._database.reading() as connection:
            rows = connection.execute("SELECT * FROM alert_rules ORDER BY name COLLATE NOCASE, id").fetchall()
        return tuple(WatchedRule(_rule(row), bool(row["deleted"]), row["error"]) for row in rows)

    def commit(
        self,
        rule: Rule,
        alerts: Mapping[str, Alert],
        transitions: Sequence[Transition],
        notification: Notification | None,
    ) -> None:
        """What one evaluation of a rule made of it, in one transaction: after a crash either all of
        it happened (the message is in the outbox) or none did (the next evaluation does it again)."""
        with self._database.writing() as connection:
            _write_alerts(connection, rule.id, alerts)
            message_id = outbox.insert(connection, rule.webhook_url, notification) if notification else 0
            _write_transitions(connection, transitions, message_id)
        if notification:
            self.outbox.announce()

    def set_error(self, rule_id: int, error: str) -> None:
        """Remember why a rule could not be evaluated; "" once it could."""
        with self._database.writing() as connection:
            connection.execute("UPDATE alert_rules SET error = ? WHERE id = ?", (error, rule_id))

    def purge(self, rule_id: int) -> None:
        """Forget a deleted rule and its alerts; its history stays."""
        with self._database.writing() as connection:
            connection.execute("DELETE FROM alert_rules WHERE id = ? AND deleted", (rule_id,))
            connection.execute("DELETE FROM alerts WHERE rule_id = ?", (rule_id,))


def _added(connection: sqlite3.Connection, rule: Rule) -> Rule:
    (count,) = connection.execute("SELECT count(*) FROM alert_rules WHERE NOT deleted").fetchone()
    if count >= MAX_RULES:
        raise InvalidRule({"name": f"there are {MAX_RULES} rules already; delete one first"})
    rule = replace(rule, created_ns=rule.updated_ns)
    marks = ", ".join("?" * len(_RULE_COLUMNS))
    cursor = connection.execute(
        f"INSERT INTO alert_rules ({', '.join(_RULE_COLUMNS)}) VALUES ({marks})", _rule_values(rule)
    )
    return replace(rule, id=int(cursor.lastrowid or 0))


def _replaced(connection: sqlite3.Connection, rule: Rule) -> Rule:
    row = connection.execute(
        "SELECT created_ns FROM alert_rules WHERE id = ? AND NOT deleted", (rule.id,)
    ).fetchone()
    if row is None:
        raise UnknownRule(f"there is no alert rule {rule.id}")
    rule = replace(rule, created_ns=row["created_ns"])
    changes = ", ".join(f"{column} = ?" for column in _RULE_COLUMNS)
    connection.execute(
        f"UPDATE alert_rules SET {changes}, error = '' WHERE id = ?", (*_rule_values(rule), rule.id)
    )
    return rule


def _rule_values(rule: Rule) -> list[object]:
    values = asdict(rule)
    return [values[column] for column in _RULE_COLUMNS]


def _rule(row: sqlite3.Row) -> Rule:
    values = {column: row[column] for column in _RULE_COLUMNS}
    return Rule(**{**values, "enabled": bool(row["enabled"]), "id": row["id"]})


def _write_alerts(connection: sqlite3.Connection, rule_id: int, alerts: Mapping[str, Alert]) -> None:
    connection.execute("DELETE FROM alerts WHERE rule_id = ?", (rule_id,))
    marks = ", ".join("?" * len(_ALERT_COLUMNS))
    connection.executemany(
        f"INSERT INTO alerts ({', '.join(_ALERT_COLUMNS)}) VALUES ({marks})",
        [[getattr(alert, column) for column in _ALERT_COLUMNS] for alert in alerts.values()],
    )


def _write_transitions(
    connection: sqlite3.Connection, transitions: Sequence[Transition], message_id: int
) -> None:
    if not transitions:
        return
    connection.executemany(
        "INSERT INTO alert_transitions (at_ns, rule_id, rule_name, service, state, value, message_id) "
        "VALUES (?, ?, ?, ?, ?, ?, ?)",
        [
            (t.at_ns, t.rule_id, t.rule_name, t.service, t.state, t.value, _told(t, message_id))
            for t in transitions
        ],
    )
    _prune(connection, transitions[-1].at_ns)


def _told(transition: Transition, message_id: int) -> int:
    """Only what concerns somebody was told: pending, and what came of nothing, was not."""
    return message_id if transition.state in ("firing", "resolved") else 0


def _prune(connection: sqlite3.Connection, now_ns: int) -> None:
    connection.execute(
        "DELETE FROM alert_transitions WHERE id <= (SELECT max(id) FROM alert_transitions) - ?",
        (KEPT_TRANSITIONS,),
    )
    connection.execute(
        "DELETE FROM alert_messages WHERE status <> 'waiting' AND created_ns < ? "
        "AND id NOT IN (SELECT message_id FROM alert_transitions)",
        (now_ns - KEPT_MESSAGES_NS,),
    )
