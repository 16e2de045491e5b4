"""A plain handler(event, context) that nobody else recognised, because the user says it is one."""

from __future__ import annotations

from tracekit.platforms import Facts, text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any


def describe(args: tuple[Any, ...], kwargs: Mapping[str, Any], env: Mapping[str, str]) -> Facts:
    """The first argument is the event; a context may carry an id under one of the usual names."""
    facts = Facts(args)
    facts.event = args[0] if args else kwargs.get("event")
    context = args[1] if len(args) > 1 else kwargs.get("context")
    for name in ("aws_request_id", "request_id", "invocation_id"):
        facts.invocation_id = facts.invocation_id or text(getattr(context, name, None))
    for variable in ("FC_FUNCTION_NAME", "AWS_LAMBDA_FUNCTION_NAME", "K_SERVICE", "FUNCTION_TARGET"):
        facts.function = facts.function or env.get(variable)
    return facts
