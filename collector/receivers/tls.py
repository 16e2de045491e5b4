"""TLS of the receivers, HTTP and gRPC alike: a certificate, and who must show one of their own."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc

from collector.settings import Settings, SettingsError


@dataclass(frozen=True, slots=True)
class Tls:
    """PEM files. With `client_ca` only clients whose certificate it signed are let in."""

    certificate: Path
    key: Path
    client_ca: Path | None = None

    def context(self) -> ssl.SSLContext:
        """For HTTP: TLS 1.2 or later."""
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=self.client_ca)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        # Without a password OpenSSL would ask the terminal for that of a key that has one.
        context.load_cert_chain(self.certificate, self.key, password="")
        if self.client_ca:
            context.verify_mode = ssl.CERT_REQUIRED
        return context

    def grpc_credentials(self) -> Any:
        pair = (self.key.read_bytes(), self.certificate.read_bytes())
        ca = self.client_ca.read_bytes() if self.client_ca else None
        return grpc.ssl_server_credentials([pair], ca, require_client_auth=ca is not None)


def tls_of(settings: Settings) -> Tls | None:
    """None without a certificate. Raises SettingsError if the files cannot be used."""
    if settings.tls_cert is None or settings.tls_key is None:
        return None
    tls = Tls(settings.tls_cert, settings.tls_key, settings.tls_client_ca)
    for name, path in (("CERT", tls.certificate), ("KEY", tls.key), ("CLIENT_CA", tls.client_ca)):
        _require_readable(f"TRACEKIT_TLS_{name}", path)
    try:
        tls.context()
    except ssl.SSLError as error:  # its words name neither the file nor what is wrong with it
        raise SettingsError(_unusable(tls)) from error
    return tls


def _require_readable(setting: str, path: Path | None) -> None:
    try:
        if path is not None:
            path.open("rb").close()
    except OSError as error:
        raise SettingsError(f"{setting}: {path}: {error.strerror}") from error


def _unusable(tls: Tls) -> str:
    try:
        ssl.create_default_context(cafile=tls.client_ca)
    except ssl.SSLError:
        return f"TRACEKIT_TLS_CLIENT_CA: there is no certificate (PEM) in {tls.client_ca}"
    return (
        f"TRACEKIT_TLS_CERT, TRACEKIT_TLS_KEY: {tls.certificate} and {tls.key} are not a certificate chain "
        "and the private key that belongs to it (PEM, without a passphrase)"
    )
