"""OTLP over TLS, with and without certificates of the clients'."""

from __future__ import annotations

import shutil
import socket
import ssl
import subprocess
from dataclasses import dataclass
from pathlib import Path

import grpc
import httpx
import pytest

from collector.receivers.tls import tls_of
from collector.settings import Settings, SettingsError
from tests.collector.otlp import request, span
from tests.collector.receivers.test_otlp_http import PROTOBUF
from tests.collector.running import Running, collector

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl makes the certificates")
GOOD = request(span(1)).SerializeToString()
TRACES = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"


@dataclass(frozen=True, slots=True)
class Pair:
    cert: Path
    key: Path


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Pair:
    return made(tmp_path_factory.mktemp("ours"))


@pytest.fixture(scope="module")
def theirs(tmp_path_factory: pytest.TempPathFactory) -> Pair:
    return made(tmp_path_factory.mktemp("theirs"))


def made(folder: Path) -> Pair:
    """A certificate for localhost that is its own authority."""
    pair = Pair(folder / "cert.pem", folder / "key.pem")
    command = (
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=localhost"
    )
    names = ["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
    files = ["-keyout", str(pair.key), "-out", str(pair.cert)]
    subprocess.run([*command.split(), *names, *files], check=True, capture_output=True)
    return pair


def post(running: Running, trusted: Pair, shown: Pair | None = None) -> int:
    context = ssl.create_default_context(cafile=str(trusted.cert))
    if shown:
        context.load_cert_chain(shown.cert, shown.key)
    url = f"https://127.0.0.1:{running.port}/v1/traces"
    return httpx.post(url, content=GOOD, headers=PROTOBUF, verify=context).status_code


def call(running: Running, trusted: Pair, shown: Pair | None = None) -> str:
    parts = [trusted.cert.read_bytes()] + ([shown.key.read_bytes(), shown.cert.read_bytes()] if shown else [])
    with grpc.secure_channel(running.grpc, grpc.ssl_channel_credentials(*parts)) as channel:
        try:
            channel.unary_unary(TRACES)(GOOD, timeout=5)
        except grpc.RpcError as error:
            return str(error.code().name)
    return "OK"


def test_both_protocols_are_taken_over_tls_and_not_in_the_clear(tmp_path: Path, ours: Pair) -> None:
    with collector(tmp_path, tls_cert=str(ours.cert), tls_key=str(ours.key)) as running:
        assert post(running, ours) == 200
        assert call(running, ours) == "OK"
        with pytest.raises(httpx.TransportError):
            httpx.post(f"http://127.0.0.1:{running.port}/v1/traces", content=GOOD, headers=PROTOBUF)


def test_with_a_client_authority_only_its_clients_are_let_in(
    tmp_path: Path, ours: Pair, theirs: Pair
) -> None:
    files = {"tls_cert": str(ours.cert), "tls_key": str(ours.key), "tls_client_ca": str(theirs.cert)}
    with collector(tmp_path, **files) as running:
        assert post(running, ours, theirs) == 200
        assert call(running, ours, theirs) == "OK"
        for stranger in (None, ours):
            with pytest.raises(httpx.TransportError):
                post(running, ours, stranger)
            assert call(running, ours, stranger) == "UNAVAILABLE"


def test_a_handshake_that_never_ends_is_hung_up_on(tmp_path: Path, ours: Pair) -> None:
    files = {"tls_cert": str(ours.cert), "tls_key": str(ours.key), "header_timeout_s": "0.5"}
    with collector(tmp_path, **files) as running:
        with socket.create_connection(("127.0.0.1", running.port), timeout=20) as silent:
            assert silent.recv(1) == b""
        assert post(running, ours) == 200


def test_old_protocols_are_not_spoken(tmp_path: Path, ours: Pair) -> None:
    settings = Settings.from_env({"TRACEKIT_TLS_CERT": str(ours.cert), "TRACEKIT_TLS_KEY": str(ours.key)})
    tls = tls_of(settings)
    assert tls and tls.context().minimum_version == ssl.TLSVersion.TLSv1_2


@pytest.mark.parametrize("broken", ["tls_cert", "tls_key", "tls_client_ca"])
@pytest.mark.parametrize("content", [None, "not PEM"], ids=["absent", "no-PEM"])
def test_files_that_cannot_be_used_are_named_at_start(
    tmp_path: Path, ours: Pair, broken: str, content: str | None
) -> None:
    files = {"tls_cert": str(ours.cert), "tls_key": str(ours.key), "tls_client_ca": str(ours.cert)}
    wrong = tmp_path / "wrong.pem"
    if content:
        wrong.write_text(content)
    with pytest.raises(SettingsError, match=f"TRACEKIT_{broken.upper()}.*{wrong}"):
        tls_of(Settings.from_env({}, files | {broken: str(wrong)}))


def test_a_key_of_another_certificate_is_said_to_be_one(ours: Pair, theirs: Pair) -> None:
    files = {"tls_cert": str(ours.cert), "tls_key": str(theirs.key)}
    with pytest.raises(SettingsError, match="private key that belongs to it"):
        tls_of(Settings.from_env({}, files))


def test_nobody_is_asked_for_the_passphrase_of_a_key(tmp_path: Path, ours: Pair) -> None:
    locked = tmp_path / "locked.pem"
    command = ["openssl", "pkcs8", "-topk8", "-in", str(ours.key), "-out", str(locked), "-passout", "pass:x"]
    subprocess.run(command, check=True, capture_output=True)
    files = {"tls_cert": str(ours.cert), "tls_key": str(locked)}
    with pytest.raises(SettingsError, match="without a passphrase"):
        tls_of(Settings.from_env({}, files))
