"""https endpoints: spans arrive where the certificate is trusted, and stay queued where it is not."""

from __future__ import annotations

import shutil
import socket
import ssl
import subprocess
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.skipif(
    shutil.which("openssl") is None, reason="openssl makes the test's certificate"
)
CODE = "from tracekit import span, flush\nwith span('secret'):\n    pass\nprint(flush(5000))\n"


@pytest.fixture
def certificate(tmp_path: Path, collector: Any) -> Path:
    """A self-signed certificate for 127.0.0.1; the collector stand-in speaks TLS with it."""
    key, cert = tmp_path / "key.pem", tmp_path / "cert.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=test"]
    command += ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(cert)]
    subprocess.run(command, check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    collector.server.socket = context.wrap_socket(collector.server.socket, server_side=True)
    return cert


def test_a_trusted_endpoint_gets_the_spans(python: Any, collector: Any, certificate: Path) -> None:
    endpoint = collector.url.replace("http:", "https:")
    result = python(CODE, OTEL_EXPORTER_OTLP_ENDPOINT=endpoint, SSL_CERT_FILE=str(certificate))
    assert (result.stdout, result.stderr) == ("True\n", "")
    assert [span.name for span in collector.spans] == ["secret"]


def test_an_endpoint_that_is_not_trusted_gets_nothing(python: Any, collector: Any, certificate: Path) -> None:
    result = python(CODE, OTEL_EXPORTER_OTLP_ENDPOINT=collector.url.replace("http:", "https:"))
    assert result.stdout == "False\n" and "CERTIFICATE_VERIFY_FAILED" in result.stderr
    assert collector.requests == []


@pytest.fixture
def mutual(tmp_path: Path, collector: Any, certificate: Path) -> dict[str, str]:
    """The collector stand-in wants to see a certificate too; the same one, which trusts itself."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    key = tmp_path / "key.pem"
    context.load_cert_chain(certificate, key)
    context.load_verify_locations(certificate)
    context.verify_mode = ssl.CERT_REQUIRED
    plain = socket.socket(fileno=collector.server.socket.detach())
    collector.server.socket = context.wrap_socket(plain, server_side=True)
    return {
        "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url.replace("http:", "https:"),
        "OTEL_EXPORTER_OTLP_CERTIFICATE": str(certificate),
        "OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE": str(certificate),
        "OTEL_EXPORTER_OTLP_TRACES_CLIENT_KEY": str(key),
    }


def test_a_client_certificate_is_shown(python: Any, collector: Any, mutual: dict[str, str]) -> None:
    result = python(CODE, **mutual)
    assert (result.stdout, result.stderr) == ("True\n", "")
    assert [span.name for span in collector.spans] == ["secret"]


@pytest.mark.parametrize("without", ["CLIENT_CERTIFICATE", "CERTIFICATE"])
def test_without_its_certificate_or_trust_nothing_is_sent(
    python: Any, collector: Any, mutual: dict[str, str], without: str
) -> None:
    result = python(
        CODE, **{name: value for name, value in mutual.items() if name != f"OTEL_EXPORTER_OTLP_{without}"}
    )
    assert result.stdout == "False\n" and result.returncode == 0
    assert collector.requests == []


@pytest.mark.parametrize("moment_ms", [0, 20, 60, 120])
def test_a_process_may_end_at_any_moment_of_a_handshake(python: Any, port: int, moment_ms: int) -> None:
    # OpenSSL's exit handler and a handshake on our thread used to end in a segmentation fault.
    with socket.create_server(("127.0.0.1", port)):
        code = "from tracekit import span, flush\nimport time\nwith span('secret'): pass\n"
        code += f"flush({moment_ms})\nprint('over')"
        result = python(
            code, OTEL_EXPORTER_OTLP_ENDPOINT=f"https://127.0.0.1:{port}", TRACEKIT_FLUSH_BUDGET_MS="1"
        )
    assert (result.returncode, result.stdout) == (0, "over\n"), result.stderr


def test_an_exit_waits_for_no_endpoint_that_does_not_shake_hands(python: Any, port: int) -> None:
    with socket.create_server(("127.0.0.1", port)):
        code = "from tracekit import span, flush\nwith span('secret'): pass\nflush(1500)\n"
        code += (
            "import time, atexit, tracekit.pipeline as pipeline\nbegan = time.monotonic()\npipeline.close()\n"
        )
        code += (
            "flusher = pipeline.get().delivery._flusher\nprint(flusher.busy, time.monotonic() - began < 2.5)"
        )
        result = python(code, OTEL_EXPORTER_OTLP_ENDPOINT=f"https://127.0.0.1:{port}")
    assert (result.returncode, result.stdout) == (0, "False True\n"), result.stderr
