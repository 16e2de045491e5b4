"""`tracekit demo`: a small shop of real functions under load, and the server that shows them."""

from __future__ import annotations

import argparse
import sys

from tracekit.demo.settings import add_arguments, read

__all__ = ["add_arguments", "main"]


def main(argv: list[str]) -> int:
    """Runs `tracekit demo ARGV` until it ends or is stopped; the exit status."""
    # Imported here: `tracekit --help` needs the options alone.
    from tracekit.demo.demo import Demo, missing_packages

    parser = argparse.ArgumentParser(prog="tracekit demo", description=__doc__)
    add_arguments(parser)
    settings = read(parser.parse_args(argv))
    if settings.data is not None and settings.data.exists() and not settings.data.is_dir():
        print(f"--data {settings.data} is not a folder.", file=sys.stderr)
        return 2
    if missing := missing_packages():
        print(
            f"The demo needs packages that are not installed: {', '.join(missing)}.\n"
            "Install them with: pip install 'tracekit[demo]'",
            file=sys.stderr,
        )
        return 2
    return Demo(settings).run()
