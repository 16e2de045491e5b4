"""Settings: flags over environment over defaults, and sentences for what makes no sense."""

from __future__ import annotations

import re
from dataclasses import FrozenInstanceError, fields
from pathlib import Path

import pytest

from collector.analysis.cost import DEFAULT_PRICES, Price, with_changes
from collector.settings import PRICE_PARTS, Address, Limit, Settings, SettingsError

ROOT = Path(__file__).resolve().parents[2]


def test_flags_win_over_the_environment_and_that_over_defaults() -> None:
    environ = {"TRACEKIT_DATA": "/env", "TRACEKIT_UI": "127.0.0.1:1", "TRACEKIT_MAX_BODY": ""}
    settings = Settings.from_env(environ, {"data_dir": "/flag", "ui": None})
    assert (settings.data_dir, settings.ui) == (Path("/flag"), Address("127.0.0.1", 1))
    assert (settings.max_body_bytes, settings.otlp_http.port) == (64 * 2**20, 4318)


@pytest.mark.parametrize(
    ("text", "limit"),
    [
        ("30d", Limit(age_s=30 * 86_400)),
        ("12h", Limit(age_s=12 * 3_600)),
        ("50GiB", Limit(bytes=50 * 2**30)),
        ("90m, 1MB", Limit(5_400, 2**20)),
        ("off", Limit()),
    ],
)
def test_what_is_kept_is_an_age_or_bytes_or_both(text: str, limit: Limit) -> None:
    assert Settings.from_env({"TRACEKIT_RETAIN_LOGS": text}).retain_logs == limit
    assert Settings().retain_traces == Limit(age_s=30 * 86_400)


@pytest.mark.parametrize("text", ["0d", "a month", "-1d", "1.5d", ",", "0", "1w"])
def test_a_limit_that_keeps_nothing_or_means_nothing_is_refused(text: str) -> None:
    with pytest.raises(SettingsError, match="TRACEKIT_RETAIN_LOGS"):
        Settings.from_env({"TRACEKIT_RETAIN_LOGS": text})


def test_what_is_wrong_in_the_configuration_file_is_said_to_be_there() -> None:
    with pytest.raises(SettingsError, match="TRACEKIT_UI in the configuration file: 'x'"):
        Settings.from_env({"TRACEKIT_UI": ""}, file={"TRACEKIT_UI": "x"})
    assert Settings.from_env({"TRACEKIT_UI": ":1"}, file={"TRACEKIT_UI": "x"}).ui.port == 1


def test_settings_are_frozen() -> None:
    with pytest.raises(FrozenInstanceError):
        Settings().allow_public = True  # type: ignore[misc]


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("127.0.0.1:0", Address("127.0.0.1", 0)),
        (":80", Address("127.0.0.1", 80)),
        ("[::1]:4318", Address("::1", 4318)),
        ("localhost:1", Address("localhost", 1)),
    ],
)
def test_an_address_is_host_and_port(text: str, address: Address) -> None:
    assert Address.parse(text) == address
    assert Address.parse(str(address)) == address


@pytest.mark.parametrize(
    ("environ", "said"),
    [
        ({"TRACEKIT_OTLP_HTTP": "4318"}, "TRACEKIT_OTLP_HTTP"),
        ({"TRACEKIT_OTLP_HTTP": "h:99999"}, "HOST:PORT"),
        ({"TRACEKIT_OTLP_HTTP": "h:１"}, "HOST:PORT"),
        ({"TRACEKIT_MAX_BODY": "lots"}, "64MiB"),
        ({"TRACEKIT_MAX_BODY": "-1"}, "64MiB"),
        ({"TRACEKIT_MAX_BODY": "1.5GiB"}, "whole numbers"),
        ({"TRACEKIT_MAX_BODY": "0"}, "the least is 64KiB"),
        ({"TRACEKIT_MAX_JOURNAL": "1"}, "the least is 128MiB"),
        ({"TRACEKIT_STORE_MEMORY": "1MiB"}, "the least is 128MiB"),
        ({"TRACEKIT_MAX_BODY": "400MiB"}, "TRACEKIT_MAX_JOURNAL"),
        ({"TRACEKIT_RETAIN_LOGS": "30days"}, "an age such as 30d"),
        ({"TRACEKIT_HEADER_TIMEOUT": "nan"}, "seconds"),
        ({"TRACEKIT_HEADER_TIMEOUT": "0"}, "seconds"),
        ({"TRACEKIT_STORE_THREADS": "two"}, "whole number"),
        ({"TRACEKIT_PRICES": "aws_lambda 0.1"}, "gb_second"),
        ({"TRACEKIT_PRICES": "aws_lambda gb_second=-1"}, "gb_second"),
        ({"TRACEKIT_PRICES": "aws_lambda step_ms=0"}, "step_ms"),
        ({"TRACEKIT_PRICES": "aws_lambda gb_second=nan"}, "gb_second"),
        ({"TRACEKIT_CURRENCY": "dollars"}, "USD"),
        ({"TRACEKIT_ALLOW_PUBLIC": "maybe"}, "on nor off"),
        ({"TRACEKIT_OTLP_HTTP": "0.0.0.0:4318"}, "without TLS with tokens"),
        ({"TRACEKIT_UI": "[::]:80"}, "no authentication"),
        ({"TRACEKIT_OTLP_GRPC": "example.com:80"}, "without TLS with tokens"),
        ({"TRACEKIT_OTLP_GRPC": "[::]:1", "TRACEKIT_TOKENS": "t"}, "without TLS with tokens"),
        ({"TRACEKIT_TLS_CERT": "c"}, "go together"),
        ({"TRACEKIT_TLS_CLIENT_CA": "c"}, "needs tls_cert"),
        ({"TRACEKIT_LOG_FORMAT": "xml"}, "text, json"),
        ({"TRACEKIT_FORWARD": "ftp://x"}, "TRACEKIT_FORWARD"),
        ({"TRACEKIT_FORWARD_HEADERS": "secret"}, "NAME=VALUE"),
    ],
)
def test_what_makes_no_sense_is_named(environ: dict[str, str], said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        Settings.from_env(environ)


def test_a_public_address_needs_to_be_asked_for() -> None:
    environ = {"TRACEKIT_OTLP_HTTP": "0.0.0.0:4318", "TRACEKIT_ALLOW_PUBLIC": "1"}
    assert Settings.from_env(environ).otlp_http.host == "0.0.0.0"


def test_tls_with_tokens_opens_the_receivers_to_other_machines_but_not_the_dashboards() -> None:
    environ = {"TRACEKIT_TLS_CERT": "c", "TRACEKIT_TLS_KEY": "k", "TRACEKIT_TOKENS": "t"}
    assert Settings.from_env(environ | {"TRACEKIT_OTLP_GRPC": "0.0.0.0:4317"}).knows_senders
    with pytest.raises(SettingsError, match="no authentication"):
        Settings.from_env(environ | {"TRACEKIT_UI": "0.0.0.0:80"})


def test_an_unknown_override_is_refused() -> None:
    with pytest.raises(SettingsError, match="colour"):
        Settings.from_env({}, {"colour": "red"})


@pytest.mark.parametrize(
    ("text", "size"), [("10", 10), ("1KB", 1024), ("64 MiB", 2**26), ("2g", None), ("1GiB", 2**30)]
)
def test_sizes_are_powers_of_1024(text: str, size: int | None) -> None:
    if size is None:
        with pytest.raises(SettingsError):
            Settings.from_env({"TRACEKIT_MAX_QUEUE": text})
    else:
        assert Settings.from_env({"TRACEKIT_MAX_QUEUE": text}).max_queue_bytes == size


def test_grpc_can_be_switched_off() -> None:
    assert Settings.from_env({"TRACEKIT_OTLP_GRPC": "off"}).otlp_grpc is None


def test_every_setting_is_documented() -> None:
    text = (ROOT / "docs" / "collector.md").read_text()
    rows = {line.split("|")[1].strip(" `") for line in text.splitlines() if line.startswith("| `TRACEKIT_")}
    assert rows == {f.metadata["env"] for f in fields(Settings)}


def test_prices_are_changed_part_by_part_and_platforms_added() -> None:
    text = "aws_lambda gb_second=0.5 step_ms=100; my_platform request=1;"
    prices = with_changes(Settings.from_env({"TRACEKIT_PRICES": text}).prices)
    assert prices["aws_lambda"] == Price(
        gb_second=0.5, request=DEFAULT_PRICES["aws_lambda"].request, step_ms=100
    )
    assert prices["my_platform"] == Price(request=1)
    assert prices["alibaba_cloud_fc"] == DEFAULT_PRICES["alibaba_cloud_fc"]


def test_every_part_of_a_price_can_be_set() -> None:
    assert set(PRICE_PARTS) == {part.name for part in fields(Price)}


def test_the_documented_prices_are_the_built_in_ones() -> None:
    documented = re.findall(
        r"^\| `(\w+)` \|" + r" ([\d.]+) \|" * 5 + "$", (ROOT / "docs/collector.md").read_text(), re.M
    )
    parts = ("gb_second", "vcpu_second", "vcpus_per_gb", "request", "step_ms")
    assert {name: Price(**dict(zip(parts, map(float, row)))) for name, *row in documented} == DEFAULT_PRICES
