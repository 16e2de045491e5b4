"""The small shop: which functions it has, on which platforms, with which versions and limits."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from tracekit.demo.fc_function import FcFunction
from tracekit.demo.lambda_instance import LambdaFunction

APPS = Path(__file__).with_name("apps")
LAYER = APPS / "layer"
STOREFRONT = APPS / "storefront" / "main.py"

TOPIC = "orders"
UPLOADS = "uploads"
TIMER_NAME = "every-ten-seconds"
TIMER_EVERY_S = 10.0
TIMER_FIRST_S = 3.0
THUMBNAIL_RETRIES = 2
"""How often a failed thumbnail is tried again; FC's own default is three times."""

# Settings of the caller's shell that would change what the demo shows.
_NOT_INHERITED = ("OTEL_", "TRACEKIT_", "FC_", "AWS_", "K_", "FUNCTION_", "SHOP_")


def functions(database: Path) -> list[FcFunction]:
    """What is deployed to Function Compute."""
    return [
        FcFunction(
            name="catalogue",
            handler="catalogue:handler",
            initializer="catalogue:initialize",
            versions={"1": APPS / "catalogue" / "v1", "2": APPS / "catalogue" / "v2"},
            weights={"1": 0.7, "2": 0.3},
            environment={"SHOP_DATABASE": str(database)},
        ),
        _function("thumbnailer", memory_mb=1024),
        _function("order-worker"),
        _function("stock-report"),
        _function("recommender", memory_mb=1024),
    ]


def payments() -> LambdaFunction:
    """What is deployed to AWS Lambda."""
    return LambdaFunction("payments", "payments.handler", APPS / "payments")


def inherited() -> dict[str, str]:
    """This process's environment without settings meant for other functions or another server."""
    return {name: value for name, value in os.environ.items() if not name.startswith(_NOT_INHERITED)}


def environment(otlp_endpoint: str) -> dict[str, str]:
    """What every function's process sees; only the collector's address makes it a traced one,
    and what it logs goes there too."""
    base = inherited()
    path = os.pathsep.join(filter(None, [str(LAYER), base.get("PYTHONPATH", "")]))
    return {
        **base,
        "PYTHONPATH": path,
        "PYTHONUNBUFFERED": "1",
        # Functions share the machine's installed packages; nothing is to be compiled into them at run time.
        "PYTHONDONTWRITEBYTECODE": "1",
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), base.get("PATH", "")]),
        "OTEL_EXPORTER_OTLP_ENDPOINT": otlp_endpoint,
        "TRACEKIT_LOGS": "true",
        "TRACEKIT_PROFILE_AFTER_MS": "300",  # the slow ones: see a trace's profile
    }


def addresses(*, fc: str, lambda_: str, broker: str, objects: str) -> Mapping[str, str]:
    """Where the functions find each other and their services."""
    return {
        "SHOP_FC_URL": fc,
        "SHOP_LAMBDA_URL": lambda_,
        "SHOP_BROKER_URL": broker,
        "SHOP_OBJECTS_URL": objects,
    }


def _function(name: str, *, memory_mb: int = 512) -> FcFunction:
    module = name.replace("-", "_")
    return FcFunction(
        name=name,
        handler=f"{module}:handler",
        versions={"1": APPS / module},
        weights={"1": 1.0},
        memory_mb=memory_mb,
    )
