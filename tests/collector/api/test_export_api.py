"""Everything that was sent can be fetched again as OTLP, page by page."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from google.protobuf import json_format

from collector.payload import Signal
from tests import serving
from tests.collector.batches import SECOND, T0
from tests.collector.otlp import TRACE, request, span
from tests.collector.receivers.transports import REQUESTS, good, merged

AROUND = {"start": str(T0 - SECOND), "end": str(T0 + SECOND)}
IDS = ("traceId", "spanId", "parentSpanId")
PROTOBUF = {"content-type": "application/x-protobuf"}


@pytest.fixture(scope="module")
def ui(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server with five items of each signal; spans are of five traces."""
    with serving.serving(tmp_path_factory.mktemp("data")) as server:
        for signal in REQUESTS:
            body = sent(signal).SerializeToString()
            url = f"{server.otlp_http}/v1/{signal}"
            assert httpx.post(url, content=body, headers=PROTOBUF).status_code == 200
            await_items(server, signal)
        yield server.ui


def sent(signal: Signal) -> Any:
    if signal == "traces":
        return request(*(span(n, trace_id=bytes(15) + bytes([n])) for n in range(1, 6)))
    return merged(signal, *(good(signal, n) for n in range(5)))


def await_items(server: serving.Server, signal: Signal) -> None:
    """Readers see what was acknowledged a moment later."""
    for _ in range(500):
        if len(items(fetched(server.ui, signal)[0])) == 5:
            return
    raise AssertionError(f"{signal} do not appear")


def fetched(ui: str, signal: Signal, **query: str) -> tuple[Any, str]:
    """A page in protobuf, and the cursor of the next."""
    headers = {"accept": PROTOBUF["content-type"]}
    answer = httpx.get(f"{ui}/api/v1/export/{signal}", params=AROUND | query, headers=headers)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == PROTOBUF["content-type"]
    return REQUESTS[signal].FromString(answer.content), answer.headers.get("x-next-cursor", "")


def items(message: Any) -> list[Any]:
    """Spans, log records, data points of a request."""
    found = []
    for resource in message.ListFields()[0][1] if message.ListFields() else ():
        for scope in field(resource, "scope_spans", "scope_logs", "scope_metrics"):
            for one in field(scope, "spans", "log_records", "metrics"):
                found += one.histogram.data_points if hasattr(one, "histogram") else [one]
    return found


def field(message: Any, *names: str) -> Any:
    """The one of these fields that it has."""
    return next(value for described, value in message.ListFields() if described.name in names)


def by_content(found: list[Any]) -> list[bytes]:
    return sorted(one.SerializeToString(deterministic=True) for one in found)


@pytest.mark.parametrize("signal", REQUESTS)
def test_pages_together_are_what_was_sent(ui: str, signal: Signal) -> None:
    found, cursor, pages = [], "", 0
    while cursor or not pages:
        message, cursor = fetched(ui, signal, limit="2", **({"cursor": cursor} if cursor else {}))
        found += items(message)
        pages += 1
    assert pages == 3
    assert by_content(found) == by_content(items(sent(signal)))


@pytest.mark.parametrize("signal", REQUESTS)
def test_json_is_the_default_and_says_the_same(ui: str, signal: Signal) -> None:
    answer = httpx.get(f"{ui}/api/v1/export/{signal}", params=AROUND)
    assert answer.headers["content-type"] == "application/json"
    message = json_format.ParseDict(without_ids(answer.json()), REQUESTS[signal]())
    assert len(items(message)) == 5


def without_ids(value: Any) -> Any:
    """json_format would read hex as base64."""
    if isinstance(value, list):
        return [without_ids(inner) for inner in value]
    if isinstance(value, dict):
        return {key: without_ids(inner) for key, inner in value.items() if key not in IDS}
    return value


def test_one_trace_is_found_by_its_id(ui: str) -> None:
    trace_id = "0" * 31 + "3"
    answer = httpx.get(f"{ui}/api/v1/export/traces/{trace_id}")
    (found,) = answer.json()["resourceSpans"][0]["scopeSpans"][0]["spans"]
    assert found["traceId"] == trace_id
    missing = httpx.get(f"{ui}/api/v1/export/traces/{TRACE.hex()}")
    assert (missing.status_code, "no trace" in missing.json()["message"]) == (404, True)


@pytest.mark.parametrize(
    "query",
    [
        {"limit": "-1"},
        {"limit": "10001"},
        {"limit": "many"},
        {"start": "9" * 30},
        {"start": "2", "end": "1"},
        {"cursor": "tampered"},
        {"colour": "red"},
    ],
)
@pytest.mark.parametrize("signal", REQUESTS)
def test_a_query_that_makes_no_sense_is_refused_with_a_sentence(
    ui: str, signal: Signal, query: dict[str, str]
) -> None:
    answer = httpx.get(f"{ui}/api/v1/export/{signal}", params=query)
    assert answer.status_code == 400
    assert answer.json()["message"]


def test_the_keys_of_everything_that_was_sent_are_told(ui: str) -> None:
    answer = httpx.get(f"{ui}/api/v1/keys", params={"of": "resource", "q": "SERVICE"})
    assert answer.status_code == 200
    (found,) = answer.json()["keys"]
    assert (found["key"], found["type"], found["of"]) == ("service.name", "string", "resource")
    assert found["rows"] >= 5
    assert int(found["firstTimeUnixNano"]) <= int(found["lastTimeUnixNano"])
    assert "shop" in found["examples"]


@pytest.mark.parametrize("query", ["of=spans", "limit=x", "start=-1", "colour=red"])
def test_a_question_for_keys_that_makes_no_sense_is_refused(ui: str, query: str) -> None:
    answer = httpx.get(f"{ui}/api/v1/keys?{query}")
    assert answer.status_code == 400
    assert answer.json()["message"]
