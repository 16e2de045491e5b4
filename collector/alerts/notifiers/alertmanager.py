"""A notification in the format of Alertmanager's outgoing webhook, which many tools read.

Source: Alertmanager's documentation, "webhook_config", version "4"; fingerprints are those of
Prometheus' label sets (FNV-1a, 64 bits).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from collector.alerts.notification import AlertNote, Notification

_NO_TIME = "0001-01-01T00:00:00Z"  # Go's zero time: how Alertmanager writes "not over yet"


def payload(notification: Notification, external_url: str = "") -> dict[str, Any]:
    """The JSON object to post. `external_url` is where the dashboards are reached; "" leaves links out."""
    base_url = external_url.rstrip("/")
    alerts = [_alert(notification, note, base_url) for note in notification.alerts]
    return {
        "version": "4",
        "groupKey": f'{{}}:{{rule_id="{notification.rule_id}"}}',
        "truncatedAlerts": 0,
        "status": notification.status,
        "receiver": "webhook",
        "groupLabels": {"rule_id": str(notification.rule_id)},
        "commonLabels": _common([alert["labels"] for alert in alerts]),
        "commonAnnotations": _common([alert["annotations"] for alert in alerts]),
        "externalURL": base_url,
        "alerts": alerts,
    }


def fingerprint(labels: Mapping[str, str]) -> str:
    """Prometheus' identity of a label set: 16 hex digits."""
    value = 14695981039346656037
    for name in sorted(labels):
        for byte in (*name.encode(), 0xFF, *labels[name].encode(), 0xFF):
            value = (value ^ byte) * 1099511628211 & 0xFFFFFFFFFFFFFFFF
    return f"{value:016x}"


def _alert(notification: Notification, note: AlertNote, base_url: str) -> dict[str, Any]:
    labels = _labels(notification, note)
    return {
        "status": "resolved" if note.resolved_ns else "firing",
        "labels": labels,
        "annotations": _annotations(notification, note),
        "startsAt": _rfc3339(note.fired_ns),
        "endsAt": _rfc3339(note.resolved_ns),
        "generatorURL": f"{base_url}/alerts/{notification.rule_id}" if base_url else "",
        "fingerprint": fingerprint(labels),
    }


def _labels(notification: Notification, note: AlertNote) -> dict[str, str]:
    labels = {
        "alertname": notification.rule_name,
        "rule_id": str(notification.rule_id),
        "service": note.service,
        "signal": notification.signal,
    }
    return labels | ({"test": "true"} if notification.test else {})


def _annotations(notification: Notification, note: AlertNote) -> dict[str, str]:
    return {
        "summary": note.summary,
        "description": notification.condition,
        "value": repr(note.value),
        "threshold": repr(note.threshold),
    }


def _common(items: list[dict[str, str]]) -> dict[str, str]:
    """What all alerts of the group share."""
    first = items[0] if items else {}
    return {key: value for key, value in first.items() if all(item.get(key) == value for item in items)}


def _rfc3339(moment_ns: int) -> str:
    if not moment_ns:
        return _NO_TIME
    seconds, nanoseconds = divmod(moment_ns, 1_000_000_000)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{nanoseconds // 1_000_000:03d}Z"
