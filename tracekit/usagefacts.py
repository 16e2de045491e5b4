"""What the kernel tells about a process, and what platforms bill for a call."""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

MS = 10**6


def peak_memory() -> int | None:
    """The largest resident size of this process in bytes since it started, or since the last reset.

    VmHWM and not getrusage's ru_maxrss: the latter is inherited from whoever forked us, cannot be reset, and
    its module costs 0.5 ms to load.
    """
    text = _read("/proc/self/status")
    begin = text.find(b"VmHWM:")
    digits = text[begin + 6 : text.find(b"kB", begin)].strip() if begin >= 0 else b""
    return int(digits) * 1024 if digits.isdigit() else _max_rss()


def _max_rss() -> int | None:
    try:
        from resource import RUSAGE_SELF, getrusage
    except ImportError:
        return None
    return getrusage(RUSAGE_SELF).ru_maxrss * (1 if os.uname().sysname == "Darwin" else 1024)


def reset_peak() -> bool:
    """Lets the peak of memory begin anew. False where the kernel does not allow that."""
    try:
        file = os.open("/proc/self/clear_refs", os.O_WRONLY)
    except OSError:
        return False
    try:
        return os.write(file, b"5") == 1  # proc(5): 5 resets the peak resident size
    except OSError:
        return False
    finally:
        os.close(file)


def network() -> tuple[int, int] | None:
    """Bytes (received, sent) of all interfaces but loopback in the network namespace of this process."""
    received = sent = 0
    for line in _read("/proc/self/net/dev").split(b"\n")[2:]:
        name, colon, numbers = line.partition(b":")
        fields = numbers.split()
        if colon and name.strip() != b"lo" and len(fields) > 8:
            received += int(fields[0])
            sent += int(fields[8])
    return (received, sent) if received or sent else None


def network_used(before: tuple[int, int]) -> dict[str, int]:
    """Attributes of the bytes that went over the network since `before`, which `network` gave."""
    now = network()
    if now is None:
        return {}
    received, sent = now[0] - before[0], now[1] - before[1]
    if received < 0 or sent < 0:  # an interface went away meanwhile
        return {}
    return {
        "faas.net_io": received + sent,
        "tracekit.network.received": received,
        "tracekit.network.sent": sent,
    }


def _read(path: str) -> bytes:
    try:
        file = os.open(path, os.O_RDONLY)
    except OSError:
        return b""
    try:
        return os.read(file, 16384)
    except OSError:
        return b""
    finally:
        os.close(file)


def billed_ms(duration: int, init: int, env: Mapping[str, str]) -> int | None:
    """The milliseconds the platform will probably bill for a call of `duration` nanoseconds.

    Lambda: whole milliseconds of call and, on demand, of its initialization too (since 2025-08-01).
    Function Compute: whole milliseconds on demand (2025-12). Google: whole 100 ms. Others: None.
    """
    if env.get("AWS_LAMBDA_FUNCTION_NAME"):
        on_demand = env.get("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand") == "on-demand"
        return _up(duration + (init if on_demand else 0), 1)
    if env.get("FC_FUNCTION_NAME") or env.get("FC_FUNC_CODE_PATH"):
        return _up(duration, 1)
    if env.get("K_REVISION"):
        return _up(duration, 100)
    return None


def _up(duration: int, step_ms: int) -> int:
    step = step_ms * MS
    return max(-(-duration // step), 1) * step_ms
