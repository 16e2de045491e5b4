"""An object store on loopback that notifies a function about new objects, as OSS does."""

from __future__ import annotations

import hashlib
import json
import threading
import time
import uuid
from collections.abc import Callable

from tracekit.demo.ledger import CALLER_HEADER, Ledger
from tracekit.demo.web import Loopback, Request, Response

Notify = Callable[[str, bytes], None]
"""Called with the bucket and the event's JSON after an object has been stored."""


class ObjectStore:
    """`PUT|GET|HEAD /{bucket}/{key}`; keeps the latest objects of each bucket in memory, up to `capacity`."""

    def __init__(self, ledger: Ledger, *, capacity: int = 500) -> None:
        self._ledger = ledger
        self._capacity = capacity
        self._objects: dict[str, dict[str, bytes]] = {}
        self._listeners: dict[str, Notify] = {}
        self._lock = threading.Lock()
        self._server = Loopback(self._answer)
        self.url = self._server.url

    def notify(self, bucket: str, listener: Notify) -> None:
        """Sends an ObjectCreated event to `listener` for every object written to `bucket`."""
        self._listeners[bucket] = listener

    def close(self) -> None:
        self._server.close()

    def _answer(self, request: Request) -> Response:
        bucket, _, key = request.path.lstrip("/").partition("/")
        if not bucket or not key or request.method not in ("PUT", "GET", "HEAD"):
            return Response(400)
        response = (
            self._write(bucket, key, request.body) if request.method == "PUT" else self._read(bucket, key)
        )
        self._ledger.call(request.headers.get(CALLER_HEADER, "unknown"), bucket, "object")
        return response

    def _write(self, bucket: str, key: str, body: bytes) -> Response:
        with self._lock:
            objects = self._objects.setdefault(bucket, {})
            objects[key] = body
            if len(objects) > self._capacity:
                del objects[next(iter(objects))]
        self._ledger.bucket(bucket, "written")
        if bucket in self._listeners:
            self._listeners[bucket](bucket, _created_event(bucket, key, body))
        return Response(200, headers={"ETag": _etag(body)})

    def _read(self, bucket: str, key: str) -> Response:
        with self._lock:
            body = self._objects.get(bucket, {}).get(key)
        self._ledger.bucket(bucket, "missing" if body is None else "read")
        return Response(404) if body is None else Response(200, body, {"ETag": _etag(body)})


def _etag(body: bytes) -> str:
    return hashlib.md5(body, usedforsecurity=False).hexdigest().upper()


def _created_event(bucket: str, key: str, body: bytes) -> bytes:
    event = {
        "eventName": "ObjectCreated:PutObject",
        "eventSource": "acs:oss",
        "eventTime": time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime()),
        "eventVersion": "1.0",
        "oss": {
            "bucket": {"arn": f"acs:oss:cn-hangzhou:1234567890123456:{bucket}", "name": bucket},
            "object": {"key": key, "size": len(body), "eTag": _etag(body)},
            "ossSchemaVersion": "1.0",
        },
        "region": "cn-hangzhou",
        "requestParameters": {"sourceIPAddress": "127.0.0.1"},
        "responseElements": {"requestId": uuid.uuid4().hex[:24].upper()},
    }
    return json.dumps({"events": [event]}).encode()
