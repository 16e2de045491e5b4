"""AWS Lambda SnapStart: the process is frozen into a snapshot after its init, and started from it many times.

Before the snapshot the phases of the init are sent, as a trace of their own: instances that start from it did
not go through them. After a restore each instance gets ids of its own (all would draw the same ones), looks
at its environment again, and opens connections of its own.
"""

from __future__ import annotations

import os

from tracekit import ids, pipeline
from tracekit.guard import report
from tracekit.lifecycle import LIFECYCLE
from tracekit.span import Trace

# Nobody waits for an answer while the snapshot is taken.
FLUSH_S = 2.0


def register() -> None:
    """Registers both hooks with AWS's runtime hooks. Never raises."""
    try:
        from snapshot_restore_py import register_after_restore, register_before_snapshot

        register_before_snapshot(before_snapshot)
        register_after_restore(after_restore)
    except Exception as error:  # without the hooks the ids of restored instances would collide: say so
        report(error, "SnapStart hooks")


def before_snapshot() -> None:
    """Sends what the init recorded. Never raises: an error here would fail the deployment."""
    try:
        LIFECYCLE.report(Trace(), None, os.environ)
        pipeline.get().last_flush(FLUSH_S)
    except Exception as error:
        report(error, "before the snapshot")


def after_restore() -> None:
    """Makes this instance one of its own. Never raises: an error here would end it."""
    try:
        ids.reseed()
        pipeline.get().delivery.restored()
    except Exception as error:
        report(error, "after a restore")
