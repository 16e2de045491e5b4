"""What sends: the function, its version, the instance, the place (OpenTelemetry resource conventions)."""

from __future__ import annotations

import os

from tracekit import __version__
from tracekit.ids import getrandbits

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from tracekit.config import Config

_MIB = 1 << 20


def describe(config: Config, env: Mapping[str, str]) -> dict[str, Any]:
    """Resource attributes: what the platform says, then OTEL_RESOURCE_ATTRIBUTES, then OTEL_SERVICE_NAME."""
    found = _platform(env)
    found.setdefault("faas.instance", f"{os.uname().nodename}-{os.getpid()}-{getrandbits(32):08x}")
    found.update(config.resource_attributes)
    name = config.service_name or config.resource_attributes.get("service.name") or found.get("faas.name")
    version = config.resource_attributes.get("service.version") or found.get("faas.version")
    own = {
        "service.name": name or "unknown_service",
        "service.version": version,
        "process.pid": os.getpid(),
        "telemetry.sdk.name": "tracekit",
        "telemetry.sdk.language": "python",
        "telemetry.sdk.version": __version__,
    }
    return {key: value for key, value in {**own, **found, **own}.items() if value not in (None, "")}


def _platform(env: Mapping[str, str]) -> dict[str, Any]:
    if env.get("AWS_LAMBDA_FUNCTION_NAME"):
        return _lambda(env)
    if env.get("FC_FUNCTION_NAME") or env.get("FC_FUNC_CODE_PATH"):
        return _fc(env)
    if env.get("K_SERVICE") or env.get("FUNCTION_TARGET"):
        return _google(env)
    if env.get("WEBSITE_SITE_NAME"):
        return _azure(env)
    return {}


def _azure(env: Mapping[str, str]) -> dict[str, Any]:
    return _present(
        {
            "cloud.provider": "azure",
            "cloud.platform": "azure.functions",
            "cloud.region": env.get("REGION_NAME"),
            "faas.name": env.get("WEBSITE_SITE_NAME"),
            "faas.instance": env.get("WEBSITE_INSTANCE_ID"),
        }
    )


def _lambda(env: Mapping[str, str]) -> dict[str, Any]:
    return _present(
        {
            "cloud.provider": "aws",
            "cloud.platform": "aws_lambda",
            "cloud.region": env.get("AWS_REGION"),
            "faas.name": env.get("AWS_LAMBDA_FUNCTION_NAME"),
            "faas.version": env.get("AWS_LAMBDA_FUNCTION_VERSION"),
            "faas.instance": env.get("AWS_LAMBDA_LOG_STREAM_NAME"),
            "faas.max_memory": _bytes(env.get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE")),
        }
    )


def _fc(env: Mapping[str, str]) -> dict[str, Any]:
    return _present(
        {
            "cloud.provider": "alibaba_cloud",
            "cloud.platform": "alibaba_cloud_fc",
            "cloud.region": env.get("FC_REGION"),
            "cloud.account.id": env.get("FC_ACCOUNT_ID"),
            "faas.name": env.get("FC_FUNCTION_NAME"),
            "faas.version": env.get("FC_FUNCTION_VERSION") or env.get("FC_VER_ID") or env.get("FC_QUALIFIER"),
            "faas.instance": env.get("FC_INSTANCE_ID"),
            "faas.max_memory": _bytes(env.get("FC_FUNCTION_MEMORY_SIZE")),
        }
    )


def _google(env: Mapping[str, str]) -> dict[str, Any]:
    on_google = (
        {"cloud.provider": "gcp", "cloud.platform": "gcp_cloud_functions"} if env.get("K_REVISION") else {}
    )
    return _present(
        {
            **on_google,
            "faas.name": env.get("K_SERVICE") or env.get("FUNCTION_TARGET"),
            "faas.version": env.get("K_REVISION"),
        }
    )


def _present(attributes: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in attributes.items() if value not in (None, "")}


def _bytes(megabytes: str | None) -> int | None:
    return int(megabytes) * _MIB if megabytes and megabytes.isdigit() else None
