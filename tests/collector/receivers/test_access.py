"""Tokens let senders in by their hash, and quotas hold each to its own rate."""

from __future__ import annotations

import hashlib
from pathlib import Path

import grpc
import httpx
import pytest

from collector.ingest import Busy
from collector.receivers.access import Access, Quota, Token
from collector.receivers.status import Failure
from collector.settings import SettingsError
from collector.tokenfile import new_token, read_tokens
from tests import serving
from tests.collector.otlp import request, span
from tests.collector.receivers.test_otlp_http import PROTOBUF
from tests.collector.receivers.transports import good
from tests.collector.running import collector

GOOD = request(span(1)).SerializeToString()


def token(name: str, secret: str, rate: int = 0, burst: int = 0) -> Token:
    return Token(name, hashlib.sha256(secret.encode()).digest(), rate, burst)


# ---------------------------------------------------------------- tokens


def test_without_tokens_anyone_may_send() -> None:
    assert Access().admit("").name == ""
    assert Access().admit("Bearer whatever").name == ""


@pytest.mark.parametrize("header", ["Bearer s1", "bearer s1", "Bearer  s1 "])
def test_a_known_secret_is_its_senders_name(header: str) -> None:
    assert Access([token("shop", "s1"), token("bank", "s2")]).admit(header).name == "shop"


@pytest.mark.parametrize(
    "header", ["", "s1", "Basic s1", "Bearer", "Bearer s", "Bearer s1s", "Bearer s1, Bearer s1"]
)
def test_everything_else_is_unauthenticated(header: str) -> None:
    with pytest.raises(Failure) as caught:
        Access([token("shop", "s1")]).admit(header)
    assert caught.value.http_status == 401
    assert "s1" not in caught.value.message, "what was sent is not repeated"


# ---------------------------------------------------------------- quotas


def test_a_quota_admits_its_burst_then_its_rate_exactly() -> None:
    now = [0.0]
    quota = Quota(rate=100, burst=1000, clock=lambda: now[0])
    sent = 0
    for tenth in range(1000):
        now[0] = tenth / 10
        try:
            quota.require()
        except Busy:
            continue
        quota.charge(37)
        sent += 37
    assert 1000 + 99.9 * 100 <= sent <= 1000 + 99.9 * 100 + 37


def test_who_overdraws_is_told_how_long_the_debt_takes() -> None:
    now = [0.0]
    quota = Quota(rate=100, burst=100, clock=lambda: now[0])
    quota.charge(400)
    with pytest.raises(Busy) as caught:
        quota.require()
    assert caught.value.retry_after_s == 3
    now[0] = 3.0
    quota.require()


def test_an_absent_quota_never_refuses() -> None:
    quota = Quota(rate=0, burst=0)
    quota.charge(10**12)
    quota.require()


# ---------------------------------------------------------------- the file


def test_a_new_token_is_let_in_by_the_lines_that_come_with_it(tmp_path: Path) -> None:
    secret, lines = new_token("shop")
    (tmp_path / "tokens").write_text(lines + 'bytes_per_second = "1KiB"\n')
    (found,) = read_tokens(tmp_path / "tokens")
    assert (found.name, found.bytes_per_second, found.burst_bytes) == ("shop", 1024, 10_240)
    assert Access([found]).admit(f"Bearer {secret}").name == "shop"
    assert secret not in lines
    assert len(secret) >= 43, "256 bits"


HASH = "a" * 64


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "expected one"),
        ("token = 1", "expected one"),
        (f'tokens = []\n[[token]]\nname = "a"\nsha256 = "{HASH}"', "expected one"),
        (f'[[token]]\nsha256 = "{HASH}"', "has a name"),
        (f'[[token]]\nname = "a"\nsha256 = "{HASH}"\nquota = 1', "has a name"),
        ('[[token]]\nname = "a"\nsha256 = "secret"', "hexadecimal"),
        (
            f'[[token]]\nname = "a"\nsha256 = "{HASH}"\nbytes_per_second = "lots"',
            "bytes_per_second of a: 'lots' is",
        ),
        (f'[[token]]\nname = "a"\nsha256 = "{HASH}"\n' * 2, "same"),
        ("[[token", "TOML"),
    ],
)
def test_a_file_that_makes_no_sense_is_refused_with_a_sentence(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "tokens").write_text(text)
    with pytest.raises(SettingsError, match=said):
        read_tokens(tmp_path / "tokens")


# ---------------------------------------------------------------- on the wire


def test_senders_need_their_token_on_every_road_and_stay_within_their_quota(tmp_path: Path) -> None:
    secret, lines = new_token("shop")
    poor, poor_lines = new_token("poor")
    (tmp_path / "tokens").write_text(f"{lines}{poor_lines}bytes_per_second = 1\nburst = 10\n")
    with collector(tmp_path, tokens_file=str(tmp_path / "tokens")) as running:

        def http(headers: dict[str, str]) -> httpx.Response:
            return httpx.post(f"{running.http}/v1/traces", content=GOOD, headers=PROTOBUF | headers)

        assert http({}).status_code == 401
        assert http({}).headers["www-authenticate"].startswith("Bearer")
        assert http({"authorization": f"Bearer {secret}"}).status_code == 200
        assert http({"authorization": f"Bearer {poor}"}).status_code == 200, "a payload may overdraw"
        refused = http({"authorization": f"Bearer {poor}"})
        assert refused.status_code == 429
        assert int(refused.headers["retry-after"]) >= len(GOOD) - 12
        assert http({"authorization": f"Bearer {secret}"}).status_code == 200, "nobody else notices"
        assert rpc(running.grpc, []) == "UNAUTHENTICATED"
        assert rpc(running.grpc, [("authorization", f"Bearer {poor}")]) == "UNAVAILABLE"
        assert rpc(running.grpc, [("authorization", f"Bearer {secret}")]) == "OK"
        assert httpx.get(f"{running.http}/").status_code == 200


def test_numbers_need_a_token_and_probes_do_not(tmp_path: Path) -> None:
    secret, lines = new_token("shop")
    (tmp_path / "tokens").write_text(lines)
    config = tmp_path / "tracekit.toml"
    config.write_text(f'tokens = "{tmp_path / "tokens"}"\n')
    with serving.serving(tmp_path, f"--config={config}") as server:
        for path, code in (("/healthz", 200), ("/readyz", 200), ("/metrics", 401)):
            assert httpx.get(server.otlp_http + path).status_code == code
        known = {"authorization": f"Bearer {secret}"}
        assert httpx.get(server.otlp_http + "/metrics", headers=known).status_code == 200


def rpc(target: str, metadata: list[tuple[str, str]]) -> str:
    method = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
    with grpc.insecure_channel(target) as channel:
        try:
            channel.unary_unary(method)(good("traces").SerializeToString(), timeout=20, metadata=metadata)
        except grpc.RpcError as error:
            return str(error.code().name)
    return "OK"
