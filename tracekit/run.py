"""`tracekit run`: a handler under tracing without touching its source.

Called once with an event from a file (`--runtime once`, the default), or served as a Function Compute custom
runtime (`--runtime fc`, see tracekit/fc_runtime.py). The phases of the start are known exactly here.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import traceback

from tracekit.hooks import run_initializer
from tracekit.load import load

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `tracekit run`."""
    parser.add_argument("handler", metavar="module:handler", help="the handler to call, e.g. index:handler")
    parser.add_argument(
        "--runtime",
        choices=("once", "fc"),
        default="once",
        help="call it once with an event (default), or serve Function Compute's custom-runtime contract",
    )
    parser.add_argument("--initializer", metavar="module:function", help="called before the first event")
    parser.add_argument("--event", metavar="FILE", help="the event as JSON, - for standard input (once)")
    parser.add_argument(
        "--host", help="address to listen on (fc; default 0.0.0.0 on Function Compute, else 127.0.0.1)"
    )
    parser.add_argument(
        "--port", type=int, help="port to listen on (fc; default FC_CUSTOM_LISTEN_PORT or 9000)"
    )


def main(argv: list[str]) -> int:
    """Runs `tracekit run ARGV`; the exit status."""
    parser = argparse.ArgumentParser(prog="tracekit run", description=__doc__)
    add_arguments(parser)
    options = parser.parse_args(argv)
    if options.runtime == "fc":
        from tracekit.fc_runtime import serve

        # On Function Compute the platform reaches the container from outside; elsewhere nobody should.
        host = options.host or ("0.0.0.0" if os.environ.get("FC_INSTANCE_ID") else "127.0.0.1")
        return serve(options.handler, options.initializer, host, options.port)
    return _once(options)


class LocalContext:
    """The context of a call made by hand."""

    def __init__(self) -> None:
        self.invocation_id = f"local-{os.getpid()}"


def _once(options: argparse.Namespace) -> int:
    event = json.loads(_read(options.event)) if options.event else {}
    handler, initializer = load(options.handler, options.initializer)
    if initializer is not None:
        run_initializer(initializer, (LocalContext(),))
    try:
        result = handler(event, LocalContext())
        if hasattr(result, "__await__"):
            import asyncio

            result = asyncio.run(_finish(result))
    except Exception:
        traceback.print_exc()
        return 1
    json.dump(result, sys.stdout, default=str, ensure_ascii=False)
    sys.stdout.write("\n")
    return 0


async def _finish(awaitable: Any) -> Any:
    return await awaitable


def _read(path: str) -> str:
    if path == "-":
        return sys.stdin.read()
    with open(path, encoding="utf-8") as file:
        return file.read()


if __name__ == "__main__":
    # `python -m tracekit.run` starts without the command's other parts, which only the server needs.
    sys.exit(main(sys.argv[1:]))
