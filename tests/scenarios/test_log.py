"""The log of the service: levels for the journal, time stamps otherwise, and rate limits."""

import os
import re
import signal
import socket
import subprocess
import threading

import pytest
from harness import PATIENCE, Larder, Origin, binary, in_parallel, tied

TIMED = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z (info|warning|error) .+")
LEVELED = re.compile(r"<[2-7]>\S.*")


class Journal:
    """The journal's end of a service's standard error: a stream socket, which the service recognises by its inode."""

    def __init__(self, tmp_path, origin, stream=None):
        self.config = tmp_path / "larder.yaml"
        self.url = origin.url
        self.write()
        ours, theirs = socket.socketpair()
        status = os.fstat(theirs.fileno())
        environment = {**os.environ, "JOURNAL_STREAM": stream or f"{status.st_dev}:{status.st_ino}"}
        self.process = subprocess.Popen(
            tied([binary(), "serve", "-c", str(self.config)]), stdout=subprocess.PIPE, stderr=theirs, text=True, env=environment
        )
        theirs.close()
        self.lines = []
        self.condition = threading.Condition()
        self.reader = threading.Thread(target=self._read, args=(ours,), daemon=True)
        self.reader.start()
        self.address = None
        for line in self.process.stdout:
            if line.startswith("listening on"):
                self.address = ("127.0.0.1", int(line.rsplit(":", 1)[1]))
            if line.startswith("admin on"):
                break

    def write(self, rest=""):
        self.config.write_text(f"listen: 127.0.0.1:0\nadmin: 127.0.0.1:0\nupstream: {self.url}\n{rest}\n")

    def _read(self, stream):
        with stream, stream.makefile(encoding="utf-8") as lines:
            for line in lines:
                with self.condition:
                    self.lines.append(line.rstrip("\n"))
                    self.condition.notify_all()

    def wait_for(self, text):
        with self.condition:
            assert self.condition.wait_for(lambda: any(text in line for line in self.lines), PATIENCE), self.lines
            return next(line for line in self.lines if text in line)

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if kind is not None:
            self.process.kill()
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(PATIENCE)
        self.reader.join(PATIENCE)
        self.process.stdout.close()


def reload_well_and_badly(journal):
    journal.process.send_signal(signal.SIGHUP)
    journal.wait_for("reloaded")
    journal.write("routes:\n  - {path: /x, tll: 1s}")
    journal.process.send_signal(signal.SIGHUP)
    journal.wait_for("the previous settings stay in force")


def test_messages_to_the_journal_have_levels(origin, tmp_path):
    with Journal(tmp_path, origin) as journal:
        reload_well_and_badly(journal)
        assert journal.wait_for("unknown key 'tll'").startswith("<3>reload: ")
        assert journal.wait_for("reloaded").startswith("<6>reloaded ")
        assert journal.wait_for("the previous settings").startswith("<3>")
    assert journal.lines[-1] == "<6>stopped"
    assert all(LEVELED.fullmatch(line) for line in journal.lines), journal.lines


def test_warnings_to_the_journal_have_their_level(tmp_path):
    origin = Origin()
    origin.on("*", Origin.CLOSE)
    with Journal(tmp_path, origin) as journal:
        with socket.create_connection(journal.address) as client:
            client.sendall(b"GET /x HTTP/1.1\r\nHost: a\r\n\r\n")
            assert client.recv(12) == b"HTTP/1.1 502"
        assert journal.wait_for("the upstream closed the connection").startswith("<4>")
    origin.close()


@pytest.mark.parametrize("stream", ["1:1", "", "nonsense", "0" * 100, "-1:-1"])
def test_messages_to_other_outputs_have_timestamps(origin, tmp_path, stream):
    """The variable is inherited by programs that a service starts with another standard error."""
    with Journal(tmp_path, origin, stream or " ") as journal:
        reload_well_and_badly(journal)
    assert all(TIMED.fullmatch(line) for line in journal.lines), journal.lines


def test_a_reload_changes_the_log_level(origin):
    with Larder(origin, settings="log_level: error") as larder:
        larder.write(settings="log_level: error\nloops: 3")
        larder.change("/api/reload", {})  # a warning: changing that requires a restart
        larder.write(settings="log_level: info\nloops: 3")
        larder.change("/api/reload", {})
        larder.wait_for_line(" info reloaded ")
        larder.write(settings="log_level: error\nloops: 3")
        larder.change("/api/reload", {})
    told = [line.split(" ")[1] for line in larder.errors]
    assert told == ["warning", "info"], larder.errors  # only one reload is logged at that level


@pytest.mark.parametrize("loops", [1, 2])
def test_repeated_upstream_failures_are_logged_once(origin, loops):
    origin.on("*", Origin.CLOSE)
    settings = f"loops: {loops}"
    with Larder(origin, routes="  - {path: /**, cache: off}", settings=settings, upstream="  breaker_failures: 0") as larder:
        in_parallel(8, lambda i: [larder.get(f"/{i}/{j}").status for j in range(10)])()
        larder.wait_for("larder_upstream_errors_total", lambda value: value == 80)
        larder.wait_for_line("the upstream closed the connection without a response")
    said = [line for line in larder.errors if "closed the connection" in line]
    assert 1 <= len(said) <= loops  # each loop logs it
    assert all(" warning " in line for line in said)


def test_another_kind_of_failure_is_logged_separately(origin):
    origin.on("/closes", Origin.CLOSE).on("/nonsense", b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n")
    with Larder(origin, routes="  - {path: /**, cache: off}", settings="loops: 1", upstream="  breaker_failures: 0") as larder:
        for _ in range(5):
            for path in ("/closes", "/nonsense"):
                assert larder.get(path).status == 502
        larder.wait_for_line("response was refused")
    assert len([line for line in larder.errors if " warning " in line]) == 2, larder.errors
