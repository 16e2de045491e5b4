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
        context.load_cert_chain(self.certificate, self.key)
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
    try:
        tls.context()
    except (OSError, ssl.SSLError) as error:
        raise SettingsError(f"tls_cert, tls_key, tls_client_ca: {error.strerror or error}") from error
    return tls
