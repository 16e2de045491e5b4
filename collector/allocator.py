"""How the process's allocator treats large blocks. Imports nothing of ours."""

from __future__ import annotations

import ctypes
import logging
import sys

log = logging.getLogger(__name__)

# Of glibc's malloc.h.
_M_TRIM_THRESHOLD = -1
_M_MMAP_THRESHOLD = -3

# Larger ones are mapped, and given back when they are freed. Left alone, glibc stops doing so once the first
# of them is freed, and takes up to 32 MiB from its heaps: of a payload that is copied from one thread to the
# next each heap keeps a hole. A value of 10 MB took 85 MiB then, and 47 like this.
LARGE_BYTES = 4 * 2**20
# What may lie free at the end of a heap.
_TRIM_BYTES = 16 * 2**20


def give_large_blocks_back() -> bool:
    """For the whole process, from now on. False where the C library is another one, and nothing changes."""
    if not sys.platform.startswith("linux"):
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except AttributeError:  # musl, which gives large blocks back anyway
        return False
    done = bool(mallopt(_M_MMAP_THRESHOLD, LARGE_BYTES) and mallopt(_M_TRIM_THRESHOLD, _TRIM_BYTES))
    if not done:
        log.info("the allocator keeps large blocks: mallopt refused")
    return done
