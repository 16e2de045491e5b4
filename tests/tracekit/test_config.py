from __future__ import annotations

from typing import Any

import pytest

from tracekit import guard
from tracekit.config import _PREFIXES, Config, percent_decode
from tracekit.resource import describe
from tracekit.sampling import Sampler
from tracekit.span import SpanContext


@pytest.mark.parametrize(
    ("env", "endpoint"),
    [
        ({}, "http://127.0.0.1:4318/v1/traces"),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:1/"}, "http://c:1/v1/traces"),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:1", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "https://d/t"},
         "https://d/t"),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "c:1"}, "http://127.0.0.1:4318/v1/traces"),
    ],
)  # fmt: skip
def test_the_endpoint_follows_opentelemetrys_rules(env: dict[str, str], endpoint: str) -> None:
    assert Config(env).endpoint == endpoint


@pytest.mark.parametrize(
    ("name", "bad", "attribute", "default"),
    [
        ("TRACEKIT_FLUSH_BUDGET_MS", "soon", "flush_budget_ms", 100),
        ("TRACEKIT_QUEUE_BYTES", "-1", "queue_bytes", 4 << 20),
        ("OTEL_TRACES_SAMPLER_ARG", "2", "sampler_ratio", 1.0),
        ("OTEL_SDK_DISABLED", "perhaps", "disabled", False),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "carrier pigeon", "protocol", "http/protobuf"),
    ],
)
def test_a_bad_setting_gives_one_line_and_the_default(
    capsys: pytest.CaptureFixture[str], name: str, bad: str, attribute: str, default: object
) -> None:
    guard._said.clear()
    assert getattr(Config({name: bad}), attribute) == default
    assert getattr(Config({name: bad}), attribute) == default
    [line] = capsys.readouterr().err.splitlines()
    assert name in line and "using" in line


def test_all_that_is_read_is_taken_from_the_environment() -> None:
    class Asked(dict[str, str]):
        def get(self, name: str, default: Any = None) -> Any:
            asked.add(name)
            return default

    asked: set[str] = set()
    assert Config(Asked()).endpoint
    assert len(asked) > 60
    assert [name for name in asked if not name.startswith(_PREFIXES)] == []


def test_configuration_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        Config({}).disabled = True


def test_headers_and_resource_attributes_are_percent_decoded() -> None:
    config = Config(
        {"OTEL_EXPORTER_OTLP_HEADERS": "a=b%20c, d=e", "OTEL_RESOURCE_ATTRIBUTES": "k=%E4%B8%AD,z=1"}
    )
    assert config.headers == {"a": "b c", "d": "e"}
    assert config.resource_attributes == {"k": "中", "z": "1"}
    assert percent_decode("100%") == "100%"


def test_a_header_cannot_smuggle_another() -> None:
    assert Config({"OTEL_EXPORTER_OTLP_HEADERS": "a=b%0d%0ax: y"}).headers == {}


FC = {
    "FC_FUNCTION_NAME": "shop",
    "FC_REGION": "cn-hangzhou",
    "FC_ACCOUNT_ID": "42",
    "FC_INSTANCE_ID": "c-1",
    "FC_FUNCTION_MEMORY_SIZE": "512",
    "FC_FUNCTION_VERSION": "3",
}
LAMBDA = {
    "AWS_LAMBDA_FUNCTION_NAME": "shop",
    "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "128",
    "AWS_LAMBDA_LOG_STREAM_NAME": "2024/01/01/[$LATEST]abc",
    "AWS_REGION": "eu-west-1",
}


@pytest.mark.parametrize(
    ("env", "expected"),
    [
        (
            FC,
            {
                "service.name": "shop",
                "service.version": "3",
                "faas.name": "shop",
                "faas.instance": "c-1",
                "faas.max_memory": 512 << 20,
                "cloud.provider": "alibaba_cloud",
                "cloud.platform": "alibaba_cloud_fc",
                "cloud.region": "cn-hangzhou",
                "cloud.account.id": "42",
                "telemetry.sdk.name": "tracekit",
                "telemetry.sdk.language": "python",
            },
        ),
        (
            LAMBDA,
            {
                "service.name": "shop",
                "faas.version": "$LATEST",
                "faas.max_memory": 128 << 20,
                "cloud.platform": "aws_lambda",
                "faas.instance": "2024/01/01/[$LATEST]abc",
            },
        ),
        ({"K_SERVICE": "shop", "K_REVISION": "shop-1"}, {"faas.name": "shop", "cloud.provider": "gcp"}),
        ({"FUNCTION_TARGET": "shop"}, {"service.name": "shop"}),
        ({}, {"service.name": "unknown_service"}),
        (
            FC
            | {"OTEL_SERVICE_NAME": "mine", "OTEL_RESOURCE_ATTRIBUTES": "service.name=other,faas.version=9"},
            {"service.name": "mine", "faas.version": "9", "service.version": "9", "faas.name": "shop"},
        ),
    ],
)
def test_the_resource_says_who_sends(env: dict[str, str], expected: dict[str, Any]) -> None:
    found = describe(Config(env), env)
    assert expected.items() <= found.items()
    assert found["faas.instance"] and None not in found.values()


def test_a_parents_decision_is_followed() -> None:
    sampler = Sampler("parentbased_always_on")
    assert sampler.keep(1, None) and sampler.keep(1, SpanContext(1, 2, True))
    assert not sampler.keep(1, SpanContext(1, 2, False))
    assert Sampler("always_on").keep(1, SpanContext(1, 2, False))


@pytest.mark.parametrize("ratio", [0.0, 0.1, 0.5, 1.0])
def test_a_ratio_decides_as_opentelemetry_does(ratio: float) -> None:
    import random

    from opentelemetry.sdk.trace.sampling import Decision, TraceIdRatioBased

    ours, theirs = Sampler("traceidratio", ratio), TraceIdRatioBased(ratio)
    numbers = random.Random(7)
    for _ in range(500):
        trace = numbers.getrandbits(128)
        expected = theirs.should_sample(None, trace, "s").decision is Decision.RECORD_AND_SAMPLE
        assert ours.keep(trace, None) == expected
