"""The shop's object storage, with the bucket's name on every span."""

from __future__ import annotations

import os
from urllib.parse import quote, urlsplit

from tracekit import span

from .http import Reply, request


class ObjectMissing(Exception):
    """There is no object of that key."""


def put_object(bucket: str, key: str, body: bytes) -> None:
    _request("PutObject", "PUT", bucket, key, body)


def get_object(bucket: str, key: str) -> bytes:
    """Raises ObjectMissing."""
    reply = _request("GetObject", "GET", bucket, key)
    if reply.status == 404:
        raise ObjectMissing(f"{bucket}/{key}")
    return reply.body


def object_exists(bucket: str, key: str) -> bool:
    return _request("HeadObject", "HEAD", bucket, key).status == 200


def _request(operation: str, method: str, bucket: str, key: str, body: bytes = b"") -> Reply:
    store = os.environ["SHOP_OBJECTS_URL"]
    address = urlsplit(store)
    attributes = {
        "oss.bucket.name": bucket,
        "oss.object.key": key,
        "server.address": address.hostname or "",
        "server.port": address.port or 80,
        "http.request.method": method,
    }
    with span(f"{operation} {bucket}", kind="client", attributes=attributes) as current:
        reply = request(method, f"{store}/{bucket}/{quote(key)}", body)
        current.set_attribute("http.response.status_code", reply.status)
        if reply.status >= 500:
            raise OSError(f"{operation} {bucket}/{key}: status {reply.status}")
        return reply
