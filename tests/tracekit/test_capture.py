"""Payloads are captured only when asked for, masked and bounded."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from tracekit import config, pipeline, traced
from tracekit.pipeline import Pipeline


class LambdaContext:
    aws_request_id = "req-1"
    function_name = "shop"


@pytest.fixture
def settings(recorded: Any, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Gives the pipeline of the test the settings named."""

    def use(**env: str) -> None:
        for name, value in env.items():
            monkeypatch.setenv(name, value)
        config.forget()
        pipeline.replace(Pipeline(config.get(), recorded.exporter))

    return use


@traced
def handler(event: Any, context: Any) -> Any:
    if isinstance(event, dict):
        event["changed"] = True
        if event.get("fail"):
            raise ValueError("no")
    return {"statusCode": 200, "body": "fine", "headers": {"Set-Cookie": "sid=1"}}


def payload(recorded: Any, which: str) -> Any:
    text = recorded.named("shop").attributes.get(f"tracekit.{which}.payload")
    return text if text is None else json.loads(text)


def test_nothing_is_captured_unasked(recorded: Any) -> None:
    handler({"user": "ann"}, LambdaContext())
    assert payload(recorded, "request") is None and payload(recorded, "response") is None


def test_the_request_is_kept_as_it_came(recorded: Any, settings: Any) -> None:
    settings(TRACEKIT_CAPTURE="request")
    handler({"user": "ann", "password": "hunter2"}, LambdaContext())
    assert payload(recorded, "request") == {"user": "ann", "password": "***"}
    assert payload(recorded, "response") is None


def test_the_response_is_kept_masked(recorded: Any, settings: Any) -> None:
    settings(TRACEKIT_CAPTURE="response, request", TRACEKIT_REDACT_KEYS="body")
    handler(b'{"user": "ann"}', LambdaContext())
    assert payload(recorded, "request") == {"user": "ann"}
    assert payload(recorded, "response") == {
        "statusCode": 200,
        "body": "***",
        "headers": {"Set-Cookie": "***"},
    }


def test_a_call_that_raises_has_no_response(recorded: Any, settings: Any) -> None:
    settings(TRACEKIT_CAPTURE="request,response")
    with pytest.raises(ValueError, match="no"):
        handler({"fail": 1}, LambdaContext())
    assert payload(recorded, "request") == {"fail": 1} and payload(recorded, "response") is None


def test_large_payloads_are_cut(recorded: Any, settings: Any) -> None:
    settings(TRACEKIT_CAPTURE="request", TRACEKIT_CAPTURE_BYTES="1000")
    handler({"rows": [{"name": "x" * 100} for _ in range(10_000)], "blob": "y" * 10_000_000}, LambdaContext())
    assert len(recorded.named("shop").attributes["tracekit.request.payload"]) < 2100


def test_a_payload_that_cannot_be_read_does_not_hurt(recorded: Any, settings: Any) -> None:
    class Hostile(dict[str, Any]):
        def items(self) -> Any:
            raise RuntimeError("mine")

    settings(TRACEKIT_CAPTURE="request,response")
    assert handler(Hostile(), LambdaContext())["statusCode"] == 200
    assert payload(recorded, "response")["body"] == "fine"
