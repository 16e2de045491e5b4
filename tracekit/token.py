"""`tracekit token NAME`: a secret for a sender, shown once, and what the server keeps of it."""

from __future__ import annotations

import argparse
import importlib.util
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence


def parser() -> argparse.ArgumentParser:
    """The options of `tracekit token`."""
    options = argparse.ArgumentParser(prog="tracekit token", description=__doc__)
    options.add_argument("name", metavar="NAME", help="what the server calls this sender")
    return options


def main(argv: Sequence[str]) -> int:
    """Prints both; 1 if the server's packages are not installed."""
    name = parser().parse_args(argv).name
    if importlib.util.find_spec("grpc") is None:
        print("tracekit: tokens are the server's: pip install 'tracekit[server]'", file=sys.stderr)
        return 1
    from collector.tokenfile import new_token

    secret, lines = new_token(name)
    print(f"The secret, shown this once:\n\n  {secret}\n")
    print(f"For the file that TRACEKIT_TOKENS names:\n\n{lines}")
    return 0
