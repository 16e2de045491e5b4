"""Memory of a large value goes back to the system whatever was allocated before and after it."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

_PROGRAM = """
import re, sys
from collector import allocator
assert allocator.give_large_blocks_back()

def resident():
    return int(re.search(r"VmRSS:\\s+(\\d+)", open("/proc/self/status").read())[1]) * 1024

def large():
    return b"x" * (2 * allocator.LARGE_BYTES)

large()  # from the first one that is freed on, glibc would take such blocks from its heap
value, other = large(), large()
before = resident()
del value
print(before - resident() >= allocator.LARGE_BYTES)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other C libraries are left alone")
def test_a_freed_large_value_leaves_no_hole() -> None:
    found = subprocess.run([sys.executable, "-c", _PROGRAM], capture_output=True, text=True, timeout=60)
    assert found.stdout == "True\n", found.stderr
