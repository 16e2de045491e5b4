"""`tracekit demo` as a process: it ends when asked, says what it saw, and leaves nothing behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import uuid
from pathlib import Path

FAKE_SERVE = (sys.executable, str(Path(__file__).with_name("fake_serve.py")))
MARK = "DEMO_TEST_MARK"


class Started:
    """A running demo. Every process it starts inherits the mark in its environment."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.mark = uuid.uuid4().hex
        self.data = folder / "data"
        self.ready_file = self.data / "demo" / "ready.json"
        code = (
            "import sys\n"
            "from tracekit.demo import main, server\n"
            f"server.SERVE = {FAKE_SERVE!r}\n"
            "sys.exit(main(sys.argv[1:]))"
        )
        self.process = subprocess.Popen(
            [sys.executable, "-c", code, "--data", str(self.data), "--ui", "127.0.0.1:0", *options],
            env={**os.environ, MARK: self.mark, "PYTHONUNBUFFERED": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def output(self, timeout_s: float = 40) -> str:
        """What it printed until its end, which it is waited for."""
        return self.process.communicate(timeout=timeout_s)[0]

    def wait_for_functions(self) -> None:
        deadline = time.monotonic() + 20
        while len(self.relatives()) < 6:
            assert time.monotonic() < deadline, "the demo started no functions"
            time.sleep(0.1)

    def relatives(self) -> list[int]:
        """Living processes that carry the mark."""
        found = []
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                if self.mark.encode() in (folder / "environ").read_bytes():
                    found.append(int(folder.name))
            except OSError:  # ended meanwhile, or somebody else's
                continue
        return found

    def server_pid(self) -> int:
        ready: dict[str, int] = json.loads(self.ready_file.read_text())
        return ready["pid"]


def wait_until_nobody_is_left(demo: Started) -> None:
    deadline = time.monotonic() + 15
    while demo.relatives():
        assert time.monotonic() < deadline, f"left behind: {demo.relatives()}"
        time.sleep(0.1)


def test_after_its_seconds_it_drains_writes_the_ledger_and_leaves_nothing(tmp_path: Path) -> None:
    demo = Started(tmp_path, "--seconds", "4", "--incidents", "--ledger", str(tmp_path / "ledger.json"))
    output = demo.output()
    assert demo.process.returncode == 0
    assert output.splitlines()[0].startswith("Dashboards: http://127.0.0.1:")
    assert "Five incidents of the last two hours: http://127.0.0.1:" in output
    assert "Seen: " in output
    ledger = json.loads((tmp_path / "ledger.json").read_text())
    assert len(ledger["processes"]) == 7
    assert demo.relatives() == []


def test_on_ctrl_c_it_ends_in_order(tmp_path: Path) -> None:
    demo = Started(tmp_path)
    demo.wait_for_functions()
    demo.process.send_signal(signal.SIGINT)
    assert "Seen: " in demo.output()
    assert demo.process.returncode == 0
    assert demo.relatives() == []


def test_when_killed_its_processes_die_too(tmp_path: Path) -> None:
    demo = Started(tmp_path)
    demo.wait_for_functions()
    demo.process.kill()
    demo.output()
    wait_until_nobody_is_left(demo)


def test_a_server_that_dies_is_started_again_and_sigterm_ends_everything(tmp_path: Path) -> None:
    demo = Started(tmp_path)
    demo.wait_for_functions()
    killed = demo.server_pid()
    os.kill(killed, signal.SIGKILL)
    deadline = time.monotonic() + 15
    while not demo.ready_file.exists() or demo.server_pid() == killed:
        assert time.monotonic() < deadline, "the server was not started again"
        time.sleep(0.1)
    demo.process.terminate()
    assert "The server died and is started again." in demo.output()
    assert demo.process.returncode == 0
    assert demo.relatives() == []


def test_a_server_that_does_not_start_is_reported_with_its_own_words(tmp_path: Path) -> None:
    demo = Started(tmp_path, "--seconds", "1", "--otlp-http", "127.0.0.1:1")
    assert "cannot listen on 127.0.0.1:1: permission denied" in demo.output()
    assert demo.process.returncode == 1


def test_a_data_folder_that_is_none_is_refused_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file")
    demo = Started(tmp_path)
    output = demo.output()
    assert output.startswith("--data ")
    assert "Traceback" not in output
    assert demo.process.returncode == 2


def test_a_missing_package_is_named_with_the_command_that_installs_it() -> None:
    code = "import sys\nsys.modules['PIL'] = None\nfrom tracekit.demo import main\nsys.exit(main([]))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30)
    assert done.returncode == 2
    assert "pillow" in done.stderr
    assert "pip install 'tracekit[demo]'" in done.stderr
