"""Loaded by Python at start when this folder is on PYTHONPATH; wraps the platform's handler when it is found.

Another sitecustomize further down the path is loaded too, as it would have been without us.
"""

import sys

try:
    from tracekit import undisturbed

    _zero_code = undisturbed(__import__, "tracekit.bootstrap.activate", None, None, ("activate",))
    _zero_code.activate()
    _zero_code.chain(__file__)
except Exception as _error:  # the function must start, whatever is wrong with us
    sys.stderr.write(f"tracekit: bootstrap failed: {type(_error).__name__}: {_error}\n")
