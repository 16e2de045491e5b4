"""AWS Lambda: handler(event, context) under the real runtime client.

Flushes after the response was posted and before the next call is asked for: the caller does not wait for it,
and the instance is not frozen yet.
"""

from __future__ import annotations

import sys

from tracekit.guard import report
from tracekit.invocation import flush
from tracekit.platforms import Facts, text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

_MARK = "__tracekit__"


def describe(args: tuple[Any, ...], kwargs: Mapping[str, Any], env: Mapping[str, str]) -> Facts:
    """Facts from Lambda's context object (PLATFORMS.md §2)."""
    context = args[-1]
    facts = Facts(args)
    facts.event = args[-2]
    facts.function = text(getattr(context, "function_name", None)) or env.get("AWS_LAMBDA_FUNCTION_NAME")
    facts.invocation_id = text(context.aws_request_id)
    facts.resource_id = text(getattr(context, "invoked_function_arn", None))
    parts = (facts.resource_id or "").split(":")
    if len(parts) > 6:
        facts.attributes["cloud.account.id"] = parts[4]
        # A qualifier after the name would make each alias a resource of its own.
        facts.resource_id = ":".join(parts[:7])
    facts.carrier = _carrier(context)
    facts.flushed_by_runtime = _flushed_by_runtime()
    return facts


def _carrier(context: Any) -> Mapping[str, Any] | None:
    """The caller's trace fields: the runtime's own W3C fields, or the client context's custom part."""
    fields = context.w3c() if hasattr(context, "w3c") else None
    if fields:
        return dict(fields)
    custom = getattr(getattr(context, "client_context", None), "custom", None)
    return custom if isinstance(custom, dict) else None


def _flushed_by_runtime() -> bool:
    """Makes the runtime client flush before it waits for the next call. False where there is none."""
    module = sys.modules.get("awslambdaric.lambda_runtime_client")
    client: Any = getattr(module, "BaseLambdaRuntimeClient", None) or getattr(
        module, "LambdaRuntimeClient", None
    )
    original = getattr(client, "wait_next_invocation", None)
    if original is None:
        return False
    if not hasattr(original, _MARK):
        try:
            client.wait_next_invocation = _flush_first(original)
        except Exception as error:
            report(error, "Lambda runtime client")
            return False
    return True


def _flush_first(original: Any) -> Any:
    def wait_next_invocation(*args: Any, **kwargs: Any) -> Any:
        flush()
        return original(*args, **kwargs)

    setattr(wait_next_invocation, _MARK, True)
    return wait_next_invocation
