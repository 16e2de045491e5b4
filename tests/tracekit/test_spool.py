"""What one process could not deliver, a later one sends: once, whole, and within bounds."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from tracekit.spool import CLAIMS_A_DELIVERY, Spool

CALL = "from tracekit import span\nwith span({name!r}):\n    pass\n"


def files(folder: Path) -> list[str]:
    return sorted(os.listdir(folder)) if folder.exists() else []


def bodies(spool: Spool, kind: str = "otlp") -> list[bytes]:
    found = []
    for claim in spool.claims(kind):
        with claim:
            found.append(claim.body)
            claim.remove()
    return found


def test_payloads_come_back_in_their_order_and_once(tmp_path: Path) -> None:
    spool = Spool(str(tmp_path / "new"), 1 << 20)
    assert spool.put([b"a", b"", b"c"], "otlp") == 3
    assert bodies(spool, "otlp.gz") == [], "of another kind"
    assert bodies(spool) == [b"a", b"", b"c"]
    assert bodies(spool) == [] and files(tmp_path / "new") == []


def test_nobody_else_can_claim_what_is_being_sent(tmp_path: Path) -> None:
    spool = Spool(str(tmp_path), 1 << 20)
    spool.put([b"a", b"b"], "otlp")
    [first, second] = list(spool.claims("otlp"))
    assert list(Spool(str(tmp_path), 1).claims("otlp")) == []
    first.__exit__()
    with second:
        second.remove()
    assert bodies(spool) == [b"a"], "left, not removed: the next may have it"


def test_the_oldest_go_when_the_folder_is_full(tmp_path: Path) -> None:
    spool = Spool(str(tmp_path), 250)
    for letter in b"abc":
        spool.put([bytes([letter]) * 100], "otlp")
    assert [body[:1] for body in bodies(spool)] == [b"b", b"c"]


@pytest.mark.parametrize("damage", [b"", b"TK", b"TKSPOOL1\0\0\0\0body", b"\xff" * 100])
def test_a_damaged_file_is_removed_and_the_rest_is_sent(tmp_path: Path, damage: bytes) -> None:
    spool = Spool(str(tmp_path), 1 << 20)
    (tmp_path / "00000000000000000001-1-0.otlp").write_bytes(damage)
    spool.put([b"good"], "otlp")
    assert bodies(spool) == [b"good"] and files(tmp_path) == []


def test_what_a_dead_writer_left_is_never_sent_and_goes_when_old(tmp_path: Path) -> None:
    spool = Spool(str(tmp_path), 1 << 20)
    for number, age in enumerate((10_000, 0)):
        partial = tmp_path / f"0000000000000000000{number}-1-0.otlp.part"
        partial.write_bytes(b"TKSPOOL1half")
        os.utime(partial, (time.time() - age,) * 2)
    spool.put([b"whole"], "otlp")
    assert bodies(spool) == [b"whole"]
    assert len(files(tmp_path)) == 1, "one may still be written by a process that lives"


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(b"TKSPOOL1")
    folder = tmp_path / "spool"
    folder.mkdir()
    (folder / "00000000000000000001-1-0.otlp").symlink_to(secret)
    assert bodies(Spool(str(folder), 1 << 20)) == [] and secret.exists()


def test_several_at_once_send_each_payload_once(tmp_path: Path) -> None:
    Spool(str(tmp_path), 1 << 20).put([bytes([number]) for number in range(40)], "otlp")
    taken: list[bytes] = []
    threads = [
        threading.Thread(target=lambda: taken.extend(bodies(Spool(str(tmp_path), 1 << 20)))) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(taken) == [bytes([number]) for number in range(40)]
    assert CLAIMS_A_DELIVERY >= 40


@pytest.mark.parametrize("compression", ["none", "gzip"])
def test_the_next_process_delivers_what_the_last_could_not(
    python: Any, collector: Any, port: int, tmp_path: Path, compression: str
) -> None:
    env = {"TRACEKIT_SPOOL": str(tmp_path / "spool"), "OTEL_EXPORTER_OTLP_COMPRESSION": compression}
    nobody = f"http://127.0.0.1:{port}"
    for name in ("first", "second"):
        assert python(CALL.format(name=name), OTEL_EXPORTER_OTLP_ENDPOINT=nobody, **env).returncode == 0
    assert len(files(tmp_path / "spool")) == 2
    waiting = (
        "\nimport os, time\nfrom tracekit import flush\nassert flush(5000)\n"
        "end = time.monotonic() + 20\n"
        f"while os.listdir({str(tmp_path / 'spool')!r}) and time.monotonic() < end:\n    time.sleep(0.02)\n"
    )
    result = python(CALL.format(name="third") + waiting, OTEL_EXPORTER_OTLP_ENDPOINT=collector.url, **env)
    assert result.returncode == 0, result.stderr
    assert [span.name for span in collector.wait(3)] == ["third", "first", "second"]
    assert files(tmp_path / "spool") == []


def test_an_exporter_without_bytes_says_so(python: Any, tmp_path: Path) -> None:
    env = {"OTEL_TRACES_EXPORTER": "memory", "TRACEKIT_SPOOL": str(tmp_path / "spool")}
    result = python(CALL.format(name="s"), **env)
    assert result.returncode == 0 and "TRACEKIT_SPOOL" in result.stderr


def test_a_killed_sender_leaves_its_payload_to_others(tmp_path: Path) -> None:
    spool = Spool(str(tmp_path), 1 << 20)
    spool.put([b"a"], "otlp")
    code = (
        "import os, sys, signal\nfrom tracekit.spool import Spool\n"
        f"claims = list(Spool({str(tmp_path)!r}, 1).claims('otlp'))\n"
        "assert len(claims) == 1\nos.kill(os.getpid(), signal.SIGKILL)\n"
    )
    assert subprocess.run([sys.executable, "-c", code], timeout=60).returncode == -9
    assert bodies(spool) == [b"a"]
