"""A script that stands in for `tracekit serve` where a test is about the demo: it takes everything."""

from __future__ import annotations

import argparse
import json
import os
import threading
from pathlib import Path

from tracekit.demo.web import Loopback, Request, Response


def answer(request: Request) -> Response:
    return Response(200, b'{"rules": []}' if request.method == "GET" else b"{}")


def main() -> None:
    parser = argparse.ArgumentParser()
    for option in ("--data", "--otlp-http", "--otlp-grpc", "--ui", "--ready-file"):
        parser.add_argument(option)
    options = parser.parse_args()
    if options.otlp_http == "127.0.0.1:1":
        raise SystemExit("cannot listen on 127.0.0.1:1: permission denied")
    ready = Path(options.ready_file)
    url = Loopback(answer).url
    partial = ready.with_suffix(".partial")
    partial.write_text(json.dumps({"pid": os.getpid(), "otlp_http": url, "otlp_grpc": url, "ui": url}))
    partial.replace(ready)
    threading.Event().wait()


main()
