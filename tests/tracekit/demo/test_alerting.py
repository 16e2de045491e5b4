"""Rules are stored through the dashboards' API; what alerts post is counted once."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tracekit.demo import alerting
from tracekit.demo.ledger import Ledger
from tracekit.demo.web import Answer, Loopback, Request, Response, call

Serve = Callable[[Answer], Loopback]


@pytest.fixture
def serve() -> Iterator[Serve]:
    servers: list[Loopback] = []

    def start(answer: Answer) -> Loopback:
        servers.append(Loopback(answer))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


class RulesApi:
    """What the demo uses of the dashboards' API; `failures` requests are answered with 503 first."""

    def __init__(self, known: list[dict[str, Any]], failures: int = 0) -> None:
        self.requests: list[tuple[str, str, Any]] = []
        self._known = known
        self._failures = failures

    def __call__(self, request: Request) -> Response:
        if self._failures:
            self._failures -= 1
            return Response(503)
        if request.method == "GET":
            return Response(200, json.dumps({"rules": self._known}).encode())
        self.requests.append((request.method, request.path, json.loads(request.body)))
        return Response(201, b"{}")


def test_every_rule_is_posted_with_the_webhook(serve: Serve) -> None:
    api = RulesApi([])
    assert alerting.create_rules(serve(api).url, "http://127.0.0.1:1/alerts") == len(api.requests) > 0
    assert {rule["webhook_url"] for _, _, rule in api.requests} == {"http://127.0.0.1:1/alerts"}
    assert {(method, path) for method, path, _ in api.requests} == {("POST", "/api/alerts/rules")}


def test_a_rule_of_an_earlier_run_is_replaced(serve: Serve) -> None:
    api = RulesApi([{"name": rule["name"], "id": 40 + i} for i, rule in enumerate(alerting.rules(""))])
    alerting.create_rules(serve(api).url, "http://127.0.0.1:1/alerts")
    assert [(method, path) for method, path, _ in api.requests] == [
        ("PUT", f"/api/alerts/rules/{40 + i}") for i in range(len(alerting.rules("")))
    ]


def test_a_server_that_is_busy_is_asked_again(serve: Serve) -> None:
    api = RulesApi([], failures=2)
    assert alerting.create_rules(serve(api).url, "http://127.0.0.1:1/alerts") == len(api.requests)


def test_a_refusal_is_reported_with_the_servers_words(serve: Serve) -> None:
    server = serve(lambda request: Response(422, b"webhooks may not be loopback addresses"))
    with pytest.raises(alerting.AlertingRefused, match=r"422: webhooks may not be loopback"):
        alerting.create_rules(server.url, "http://127.0.0.1:1/alerts")


def test_a_server_that_is_gone_is_given_up() -> None:
    with pytest.raises(alerting.AlertingRefused, match="refused"):
        alerting.create_rules("http://127.0.0.1:1", "http://127.0.0.1:1/alerts", retry_for_s=0.1)


def test_the_rules_are_valid_for_the_server_that_takes_them() -> None:
    rule = pytest.importorskip("collector.alerts.rule")
    validation = pytest.importorskip("collector.alerts.validation")
    base = pytest.importorskip("collector.alerts.notifiers.base")
    for wanted in alerting.rules("http://127.0.0.1:1/alerts"):
        parsed = validation.rule_from_json(wanted)
        validation.check(parsed, base.Policy(True, ""))
        assert isinstance(parsed, rule.Rule)


def test_an_alert_that_is_repeated_is_counted_once(ledger: Ledger) -> None:
    receiver = alerting.WebhookReceiver(ledger)
    labels = {"alertname": "Catalogue fails", "service": "catalogue"}
    firing = {"labels": labels, "status": "firing", "startsAt": "2026-01-01T00:00:00Z"}
    for status in ("firing", "firing", "resolved"):
        call("POST", receiver.url, json.dumps({"alerts": [firing | {"status": status}]}).encode())
    receiver.close()
    assert [(row["state"], row["count"]) for row in ledger.snapshot()["alerts"]] == [
        ("firing", 1),
        ("resolved", 1),
    ]


def test_what_is_no_alert_is_refused(ledger: Ledger) -> None:
    receiver = alerting.WebhookReceiver(ledger)
    assert call("POST", receiver.url, b"hello").status == 400
    receiver.close()
