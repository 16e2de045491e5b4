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
        common | _rule("Many cold starts", "cold_start_share", "", 0.1, window_s=60, for_s=10, min_calls=20),
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
    """Stores the rules; returns how many there are. Raises AlertingRefused when one was not taken in time.

    A rule of the same name, from an earlier run on the same folder, is replaced: its webhook is gone.
    """
    api, wanted = f"{ui_url}/api/alerts/rules", rules(webhook_url)
    give_up_at = time.monotonic() + retry_for_s
    known = {rule["name"]: rule["id"] for rule in _request("GET", api, None, give_up_at)["rules"]}
    for rule in wanted:
        if rule["name"] in known:
            _request("PUT", f"{api}/{known[rule['name']]}", rule, give_up_at)
        else:
            _request("POST", api, rule, give_up_at)
    return len(wanted)


def _request(method: str, url: str, content: dict[str, Any] | None, give_up_at: float) -> Any:
    """The answer's JSON. Repeats what may pass, an unreachable or overloaded server, until `give_up_at`."""
    body = b"" if content is None else json.dumps(content).encode()
    while True:
        response = _attempt(method, url, body)
        if response.status < 300:
            return json.loads(response.body)
        if 400 <= response.status < 500 or time.monotonic() >= give_up_at:
            said = response.body[:300].decode(errors="replace")
            raise AlertingRefused(f"{method} {url} answered {response.status}: {said}")
        time.sleep(0.3)


def _attempt(method: str, url: str, body: bytes) -> Response:
    """The answer, or one of status 599 that says why there was none."""
    try:
        return call(method, url, body, {"content-type": "application/json"}, timeout_s=3)
    except (OSError, http.client.HTTPException) as error:
        return Response(599, (str(error) or type(error).__name__).encode())


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
