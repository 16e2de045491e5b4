"""Alert rules, created through the dashboards' API as a user's script would, and the webhook they call."""

from __future__ import annotations

import http.client
import json
import threading
import time
from typing import Any

from tracekit.demo.ledger import Ledger
from tracekit.demo.web import Loopback, Request, Response, call

RETRY_FOR_S = 10.0


class AlertingRefused(Exception):
    """The dashboards did not accept a rule; the message holds their answer."""


def rules(webhook_url: str) -> list[dict[str, Any]]:
    """What somebody who runs the shop would want to know, with windows short enough for a demo."""
    common = {"op": ">", "webhook_url": webhook_url, "enabled": True}
    return [
        common
        | _rule("Catalogue fails", "error_rate", "catalogue", 0.02, window_s=60, for_s=3, min_calls=10),
        common | _rule("Orders fail", "error_rate", "order-worker", 0.10, window_s=60, for_s=5, min_calls=5),
        common | _rule("Payments are slow", "p95_ms", "payments", 1_000, window_s=60, for_s=5, min_calls=10),
        common | _rule("Many cold starts", "cold_start_share", "", 0.5, window_s=60, for_s=10, min_calls=20),
    ]


def _rule(
    name: str, signal: str, service: str, threshold: float, *, window_s: int, for_s: int, min_calls: int
) -> dict[str, Any]:
    return {
        "name": name,
        "signal": signal,
        "service": service,
        "threshold": threshold,
        "window_s": window_s,
        "for_s": for_s,
        "min_calls": min_calls,
    }


def create_rules(ui_url: str, webhook_url: str, *, retry_for_s: float = RETRY_FOR_S) -> int:
    """Posts the rules; returns how many there are. Raises AlertingRefused when one was not taken in time."""
    wanted = rules(webhook_url)
    for rule in wanted:
        _post(f"{ui_url}/api/alerts/rules", rule, time.monotonic() + retry_for_s)
    return len(wanted)


def _post(url: str, rule: dict[str, Any], give_up_at: float) -> None:
    body = json.dumps(rule).encode()
    while True:
        answer = _attempt(url, body)
        if answer == "":
            return
        if time.monotonic() >= give_up_at:
            raise AlertingRefused(f"alert rule {rule['name']!r} was not accepted by {url}: {answer}")
        time.sleep(0.5)


def _attempt(url: str, body: bytes) -> str:
    """Why the rule was not taken; empty when it was."""
    try:
        response = call("POST", url, body, {"content-type": "application/json"}, timeout_s=3)
    except (OSError, http.client.HTTPException) as error:
        return str(error) or type(error).__name__
    return (
        ""
        if response.status < 300
        else f"status {response.status} {response.body[:300].decode(errors='replace')}"
    )


class WebhookReceiver:
    """Takes what alerts post (Alertmanager's webhook format) and enters each change once in the ledger."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._seen: set[tuple[str, ...]] = set()
        self._lock = threading.Lock()
        self._server = Loopback(self._answer)
        self.url = f"{self._server.url}/alerts"

    def close(self) -> None:
        self._server.close()

    def _answer(self, request: Request) -> Response:
        if request.method != "POST" or request.path != "/alerts":
            return Response(404)
        try:
            alerts = json.loads(request.body)["alerts"]
        except (ValueError, KeyError, TypeError):
            return Response(400)
        for alert in alerts:
            self._enter(alert)
        return Response(204)

    def _enter(self, alert: dict[str, Any]) -> None:
        labels = alert.get("labels", {})
        name, state = str(labels.get("alertname", "")), str(alert.get("status", ""))
        # Senders repeat themselves until they are sure to be heard.
        key = (json.dumps(labels, sort_keys=True), str(alert.get("startsAt", "")), state)
        with self._lock:
            if key in self._seen:
                return
            self._seen.add(key)
        self._ledger.alert(name, state)
