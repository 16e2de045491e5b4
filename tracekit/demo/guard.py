"""Stops the demo's processes when the demo died without doing so. Run as a script, stdin is its lifeline.

Lines `+PID` and `-PID` add and remove process groups; the end of the input means that the demo is gone.
"""

import os
import signal
import sys
import time


def read_groups() -> set[int]:
    """Follows the input to its end and returns the groups that are still registered."""
    groups: set[int] = set()
    for line in sys.stdin:
        change = groups.add if line.startswith("+") else groups.discard
        change(int(line[1:]))
    return groups


def send(groups: set[int], number: int) -> None:
    for group in groups:
        try:
            os.killpg(group, number)
        except ProcessLookupError:
            continue


def main() -> None:
    groups = read_groups()
    send(groups, signal.SIGTERM)
    send(groups, signal.SIGCONT)
    if groups:
        time.sleep(2)
    send(groups, signal.SIGKILL)


main()
