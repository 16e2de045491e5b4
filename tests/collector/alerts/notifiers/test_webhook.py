"""A webhook is posted to once, by address, without redirects, for a bounded time, keeping its secrets."""

from __future__ import annotations

import logging
import shutil
import socket
import ssl
import subprocess
import threading
import time
from pathlib import Path

import pytest

from collector.alerts.notification import AlertNote, Notification
from collector.alerts.notifiers.alertmanager import fingerprint, payload
from collector.alerts.notifiers.base import Delivery, InvalidTarget, Policy, retry_delay_s
from collector.alerts.notifiers.webhook import WebhookNotifier, WebhookUrl, retry_after_seconds

T0 = 1_700_000_000_000_000_000
FIRING = AlertNote("checkout", "Error rate of checkout is 50%", 0.5, 0.05, T0, 0)
RESOLVED = AlertNote("cart", "Error rate of cart is 1%", 0.01, 0.05, T0, T0 + 60_500_000_000)
MESSAGE = Notification(3, "Errors", "error_rate", "is > 5%", T0, (FIRING, RESOLVED))
LOCAL = Policy(allow_private=True, external_url="http://ui.example.org/", timeout_s=5)


def deliver(url: str, policy: Policy = LOCAL) -> Delivery:
    return WebhookNotifier().deliver(url, MESSAGE, policy)


def test_it_posts_alertmanagers_format(receiver):
    assert deliver(receiver.url) == Delivery(True)
    (body,) = receiver.got
    labels = {"alertname": "Errors", "rule_id": "3", "service": "checkout", "signal": "error_rate"}
    assert body["alerts"][0] == {
        "status": "firing",
        "labels": labels,
        "annotations": {
            "summary": "Error rate of checkout is 50%",
            "description": "is > 5%",
            "value": "0.5",
            "threshold": "0.05",
        },
        "startsAt": "2023-11-14T22:13:20.000Z",
        "endsAt": "0001-01-01T00:00:00Z",
        "generatorURL": "http://ui.example.org/alerts/3",
        "fingerprint": fingerprint(labels),
    }
    assert (body["alerts"][1]["status"], body["alerts"][1]["endsAt"]) == (
        "resolved",
        "2023-11-14T22:14:20.500Z",
    )
    assert body["commonLabels"] == {"alertname": "Errors", "rule_id": "3", "signal": "error_rate"}
    assert {key: body[key] for key in ("version", "status", "groupKey", "externalURL")} == {
        "version": "4", "status": "firing", "groupKey": '{}:{rule_id="3"}', "externalURL": "http://ui.example.org",
    }  # fmt: skip


def test_it_is_resolved_once_every_alert_is():
    assert payload(Notification(3, "n", "p95_ms", "", T0, (RESOLVED,)))["status"] == "resolved"


def test_fingerprints_are_prometheus(receiver):
    # model.LabelSet{}.Fingerprint() is the FNV-1a offset basis; the second is its test's label set.
    assert fingerprint({}) == "cbf29ce484222325"
    assert (
        int(fingerprint({"name": "garland, briggs", "fear": "love is not enough"}), 16) == 5799056148416392346
    )


def test_it_keeps_the_path_the_query_and_the_name_it_was_given(receiver):
    url = receiver.url.replace("127.0.0.1", "localhost")
    assert deliver(url).delivered
    assert receiver.paths == ["/hook/t0ken?key=s3cret"]
    assert receiver.hosts == [f"localhost:{receiver.server.server_port}"]


@pytest.mark.parametrize("status", [500, 502, 503, 429, 408])
def test_a_receiver_in_trouble_is_tried_again(receiver, status):
    receiver.answers = [status]
    assert deliver(receiver.url) == Delivery(False, f"answered {status}", final=False)


@pytest.mark.parametrize("status", [400, 401, 404, 410])
def test_a_receiver_that_says_no_is_not(receiver, status):
    receiver.answers = [status]
    assert deliver(receiver.url) == Delivery(False, f"answered {status}", final=True)


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_redirects_are_not_followed(receiver, status):
    receiver.answers, receiver.headers = [status, 200], {"Location": "/elsewhere"}
    assert deliver(receiver.url) == Delivery(
        False, f"answered {status}: redirects are not followed", final=True
    )
    assert len(receiver.got) == 1


def test_it_waits_as_long_as_the_receiver_asks(receiver):
    receiver.answers, receiver.headers = [503], {"Retry-After": "120"}
    assert deliver(receiver.url).retry_after_s == 120


def test_loopback_is_refused_without_leave_and_nothing_is_sent(receiver):
    delivery = deliver(receiver.url, Policy(allow_private=False))
    assert (delivery.delivered, delivery.final) == (False, True)
    assert "allow_private_webhooks" in delivery.reason
    assert receiver.got == []


def test_nobody_listening_is_worth_another_attempt():
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        delivery = deliver(f"http://127.0.0.1:{reserved.getsockname()[1]}/")
    assert delivery == Delivery(False, "Connection refused", final=False)


def hear_out(connection: socket.socket) -> None:
    """Read a request to its end: closing before would reset the connection instead of answering."""
    head, _, body = connection.recv(65536).partition(b"\r\n\r\n")
    length = next(
        int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")
    )
    while len(body) < length:
        body += connection.recv(65536)


@pytest.fixture
def raw_server():
    """A TCP server that hears a request and then does what `script(connection)` says."""
    servers: list[socket.socket] = []

    def start(script, context: ssl.SSLContext | None = None, hears: bool = True) -> str:
        server = socket.create_server(("127.0.0.1", 0))
        servers.append(server)

        def serve() -> None:
            plain, _ = server.accept()
            try:
                with context.wrap_socket(plain, server_side=True) if context else plain as connection:
                    hear_out(connection) if hears else connection.recv(65536)
                    script(connection)
            except OSError:
                return  # cut off by the client, as it should

        threading.Thread(target=serve, daemon=True).start()
        return f"http://127.0.0.1:{server.getsockname()[1]}/"

    yield start
    for server in servers:
        server.close()


def drip(connection: socket.socket) -> None:
    for _ in range(600):
        connection.sendall(b"H")
        time.sleep(0.05)


def endless(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
    while True:
        connection.sendall(b"x" * 65536)


def test_an_answer_that_drips_is_cut_at_the_deadline(raw_server):
    url, before = raw_server(drip), time.monotonic()
    delivery = deliver(url, Policy(allow_private=True, timeout_s=0.4))
    assert (delivery.delivered, delivery.final, delivery.reason) == (False, False, "no answer within 0.4 s")
    assert time.monotonic() - before < 15  # the server would drip for 30 s


def test_an_endless_answer_is_not_read(raw_server):
    assert deliver(raw_server(endless)).delivered


@pytest.fixture(scope="module")
def certificate(tmp_path_factory) -> Path:
    """A certificate and key of our own for localhost, in one file."""
    if shutil.which("openssl") is None:
        pytest.skip("no openssl to make a certificate with")
    path = tmp_path_factory.mktemp("tls") / "localhost.pem"
    command = (
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=localhost"
    )
    names = ["-addext", "subjectAltName=DNS:localhost", "-keyout", str(path), "-out", f"{path}.crt"]
    subprocess.run([*command.split(), *names], check=True, capture_output=True, timeout=30)
    with path.open("a") as file:
        file.write(Path(f"{path}.crt").read_text())
    return path


@pytest.fixture
def tls_server(raw_server, certificate):
    """As raw_server, behind TLS; gives the URL by name."""

    def start(script) -> str:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        return raw_server(script, context).replace("http://127.0.0.1", "https://localhost")

    return start


def ok(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")


def test_tls_is_spoken_with_the_name_on_the_connection_to_its_address(tls_server, certificate, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", f"{certificate}.crt")
    assert deliver(tls_server(ok)) == Delivery(True)


def test_a_certificate_nobody_vouches_for_is_refused(tls_server):
    delivery = deliver(tls_server(ok))
    assert (delivery.delivered, delivery.final) == (False, False)
    assert "certificate is not valid" in delivery.reason


def test_a_certificate_for_another_name_is_refused(tls_server, certificate, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", f"{certificate}.crt")
    delivery = deliver(tls_server(ok).replace("localhost", "127.0.0.1"))
    assert "certificate is not valid" in delivery.reason


def test_an_answer_that_drips_behind_tls_is_cut_too(tls_server, certificate, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", f"{certificate}.crt")
    before = time.monotonic()
    delivery = deliver(tls_server(drip), Policy(allow_private=True, timeout_s=0.6))
    assert delivery.reason == "no answer within 0.6 s"
    assert time.monotonic() - before < 15  # the server would drip for 30 s


def test_a_plain_port_behind_https_is_worth_another_attempt(raw_server):
    delivery = deliver(raw_server(ok, hears=False).replace("http:", "https:"))
    assert delivery == Delivery(False, "the TLS handshake failed", final=False)


@pytest.mark.parametrize("text", [b"", b"garbage\r\n\r\n", b"HTTP/1.1 99999 x\r\n\r\n"])
def test_an_answer_that_is_not_http_is_worth_another_attempt(raw_server, text):
    delivery = deliver(raw_server(lambda connection: connection.sendall(text)))
    assert (delivery.delivered, delivery.final) == (False, False)


@pytest.mark.parametrize(
    "url",
    [
        "", "example.org", "//example.org", "ftp://example.org", "file:///etc/passwd", "unix:///var/run/docker.sock",
        "gopher://example.org", "javascript:alert(1)", "http://", "http:///path", "http://[::1", "http://a:99999/",
        "http://user@example.org", "http://user:s3cret@example.org", "http://example.org@evil.org",
        "http://2130706433/", "http://0x7f.1/", "http://127.1/", "http://0177.0.0.1/", "http://0x7f000001/",
        "http://1.2.3.4.5/", "http://256.1.1.1/", "http://127.0.0.1./x", "http://１２７.0.0.1/", "http://exämple.org/",
        "http://example.org/a b", "http://example.org/\r\nX: y", "http://example.org/\x00", "http://exa\\mple.org",
        "http://-bad.org/", "http://" + "a" * 64 + ".org/", "http://example.org/" + "x" * 2048,
    ],
)  # fmt: skip
def test_what_is_no_plain_web_address_is_refused_before_any_network(url):
    with pytest.raises(InvalidTarget) as refused:
        WebhookNotifier().check(url, Policy())
    assert "s3cret" not in str(refused.value)


@pytest.mark.parametrize(
    ("url", "host", "port", "path"),
    [
        ("https://example.org", "example.org", 443, "/"),
        ("HTTP://Example.org:8080/a?b=c#d", "example.org", 8080, "/a?b=c"),
        ("https://xn--exmple-cua.org/hook", "xn--exmple-cua.org", 443, "/hook"),
        ("http://[2606:2800:220:1::1]:81/", "2606:2800:220:1::1", 81, "/"),
    ],
)
def test_a_plain_web_address_is_taken_apart(url, host, port, path):
    parsed = WebhookUrl.parse(url)
    assert (parsed.host, parsed.port, parsed.path) == (host, port, path)


def test_no_failure_repeats_the_urls_secrets(receiver, caplog):
    receiver.answers = [404]
    with caplog.at_level(logging.DEBUG):
        reasons = [deliver(receiver.url).reason, deliver(receiver.url, Policy()).reason]
    assert "s3cret" not in caplog.text + str(reasons)
    assert "t0ken" not in caplog.text + str(reasons)


@pytest.mark.parametrize(("text", "seconds"), [("120", 120.0), ("", None), ("soon", None), ("-5", None)])
def test_retry_after_is_read_leniently(text, seconds):
    assert retry_after_seconds(text) == seconds


def test_a_date_in_the_past_means_now():
    assert retry_after_seconds("Wed, 21 Oct 2015 07:28:00 GMT") == 0.0


def test_attempts_grow_apart_up_to_five_minutes():
    assert [retry_delay_s(n) for n in (1, 2, 3, 20, 10_000)] == [5, 10, 20, 300, 300]
    assert retry_delay_s(1, retry_after_s=60) == 60
    assert retry_delay_s(1, retry_after_s=1e9) == 300
