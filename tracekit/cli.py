"""The `tracekit` command: finds what was asked for and starts it.

Nothing is imported before it is needed: `tracekit run` stands at the start of somebody's cold start.
"""

from __future__ import annotations

import sys

from tracekit import __version__

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

COMMANDS = {
    "serve": "take OTLP in, store it, show it: collector and dashboards in one process",
    "demo": "run a small shop of real functions and watch it on the dashboards",
    "run": "call or serve a handler with tracing, without touching its source",
    "token": "make a token that may send, and the lines that let it in",
    "backup": "copy what is stored to a new folder, while the server runs or not",
    "restore": "make a data folder of a backup",
    "export": "write a day as Parquet files",
    "import": "add an exported day to a data folder",
    "doctor": "say what is configured and why, whether the endpoint answers, what a span looks like",
    "version": "print the version",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command; its exit status. 2 means that the command line was wrong."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    command, rest = (arguments[0], arguments[1:]) if arguments else ("help", [])
    if command == "run":
        from tracekit.run import main as run

        return run(rest)
    if command == "serve":
        from tracekit.server import main as serve

        return serve(rest)
    if command == "demo":
        from tracekit.demo import main as demo

        return demo(rest)
    if command == "token":
        from tracekit.token import main as token

        return token(rest)
    if command in ("backup", "restore", "export", "import"):
        from tracekit.copies import main as copy

        return copy(command, rest)
    if command == "doctor":
        from tracekit.doctor import main as doctor

        return doctor(rest)
    if command in ("version", "--version", "-V"):
        print(f"tracekit {__version__}")
        return 0
    if command in ("help", "--help", "-h"):
        print(_help())
        return 0
    print(f"tracekit: there is no command {command!r}\n\n{_help()}", file=sys.stderr)
    return 2


def _help() -> str:
    lines = [f"  {name:<9}{meaning}" for name, meaning in COMMANDS.items()]
    advice = "tracekit COMMAND --help tells the options."
    return "\n".join(["usage: tracekit COMMAND [options]", "", *lines, "", advice])
