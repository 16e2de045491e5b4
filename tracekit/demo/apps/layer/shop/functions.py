"""Calls to the shop's other functions, each a CLIENT span that the called function continues."""

from __future__ import annotations

import base64
import json
import os
from typing import Any

from tracekit import inject, span

from .http import Reply, request


class CallFailed(Exception):
    """The called function raised; the message is its own."""


def invoke_fc(function: str, payload: Any, *, timeout_s: float = 5) -> Any:
    """Invokes a Function Compute function and returns its JSON. Raises CallFailed or TimeoutError."""
    url = f"{os.environ['SHOP_FC_URL']}/2023-03-30/functions/{function}/invocations"
    with span(
        f"invoke {function}", kind="client", attributes=_invoked(function, "alibaba_cloud", "cn-hangzhou")
    ):
        headers: dict[str, str] = {}
        inject(headers)
        return _result(
            request("POST", url, json.dumps(payload).encode(), headers, timeout_s), "x-fc-error-type"
        )


def invoke_lambda(function: str, payload: Any, *, timeout_s: float = 5) -> Any:
    """Invokes an AWS Lambda function and returns its JSON. Raises CallFailed or TimeoutError."""
    url = f"{os.environ['SHOP_LAMBDA_URL']}/2015-03-31/functions/{function}/invocations"
    with span(f"invoke {function}", kind="client", attributes=_invoked(function, "aws", "us-east-1")):
        headers = {"X-Amz-Client-Context": _client_context()}
        return _result(
            request("POST", url, json.dumps(payload).encode(), headers, timeout_s), "x-amz-function-error"
        )


def _invoked(function: str, provider: str, region: str) -> dict[str, Any]:
    return {"faas.invoked_name": function, "faas.invoked_provider": provider, "faas.invoked_region": region}


def _client_context() -> str:
    """Lambda hands no headers to a function: the client context is where a trace context can travel."""
    custom: dict[str, str] = {}
    inject(custom)
    return base64.b64encode(json.dumps({"custom": custom}).encode()).decode()


def _result(reply: Reply, error_header: str) -> Any:
    result = json.loads(reply.body) if reply.body else None
    if error_header in reply.headers or reply.status >= 400:
        message = result.get("errorMessage") if isinstance(result, dict) else None
        raise CallFailed(message or f"status {reply.status}")
    return result
