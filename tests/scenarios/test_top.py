"""`larder top`, with and without a terminal."""

import os
import pty
import re
import select
import signal
import subprocess
import termios

import pytest
from harness import PATIENCE, Larder, binary, reply, tied


class Terminal:
    """A program in a terminal of its own."""

    def __init__(self, *arguments):
        self.mine, theirs = pty.openpty()
        termios.tcsetwinsize(theirs, (24, 100))
        self.before = termios.tcgetattr(theirs)
        self.theirs = theirs
        self.seen = ""
        self.process = subprocess.Popen(tied([binary(), "top", *arguments]), stdin=theirs, stdout=theirs, stderr=theirs)

    def wait_for(self, text):
        """Waits for that output; removes everything up to its end."""
        while not (found := re.search(text, self.seen, re.DOTALL)):
            ready, _, _ = select.select([self.mine], [], [], PATIENCE)
            assert ready, f"{text!r} does not come: {self.seen!r}"
            self.seen += os.read(self.mine, 65536).decode()
        self.seen = self.seen[found.end() :]
        return found

    def press(self, keys):
        os.write(self.mine, keys.encode())

    def ends(self):
        """The exit code, and whether the terminal was restored."""
        status = self.process.wait(PATIENCE)
        return status, termios.tcgetattr(self.theirs) == self.before

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        os.close(self.mine)
        os.close(self.theirs)


@pytest.fixture
def busy(origin):
    origin.on("*", reply(200, {"Content-Type": "application/json"}, b"[1]"))
    with Larder(origin, routes="  - {path: /b, ttl: 1h}\n  - {path: /a, ttl: 1h}\n  - {path: /**, cache: off}") as larder:
        for target in ("/a", "/b", "/b", "/b"):
            larder.get(target)
        yield larder


@pytest.fixture
def terminal(busy):
    it = Terminal("--admin", "%s:%d" % busy.admin, "--interval", "100ms")
    yield it
    it.close()


def test_it_shows_the_routes_updates_and_restores_the_terminal(busy, terminal):
    terminal.wait_for(r"\x1b\[\?1049h.*larder .*/b .* 3\x1b\[K.*/a .* 1\x1b\[K")
    busy.get("/a")
    terminal.wait_for(r"/a .* 2\x1b\[K")
    terminal.press("n")
    terminal.wait_for(r"/a .*/b ")
    terminal.press("q")
    terminal.wait_for(r"\x1b\[\?1049l")
    assert terminal.ends() == (0, True)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_restores_the_terminal(terminal, number):
    terminal.wait_for("/b ")
    terminal.process.send_signal(number)
    terminal.wait_for(r"\x1b\[\?1049l")
    assert terminal.ends() == (0, True)


def test_a_lost_connection_is_shown_and_retried(busy, terminal):
    terminal.wait_for("/b .*q quits")
    busy.process.send_signal(signal.SIGTERM)
    terminal.wait_for("no response from ")
    terminal.press("q")
    assert terminal.ends() == (0, True)


def test_without_a_terminal_it_prints_frames_in_sequence(busy):
    done = subprocess.run([binary(), "top", "--admin", "%s:%d" % busy.admin, "--interval", "100ms", "-n", "2"], capture_output=True, text=True, timeout=60, check=True)
    assert "\x1b" not in done.stdout
    assert done.stdout.count("route ") == 2
    assert len(re.findall(r"^/b .* 3$", done.stdout, re.MULTILINE)) == 2


@pytest.mark.parametrize(("arguments", "status", "said"), [(("--interval", "5"), 2, "--interval: '5' has no unit"), (("--interval", "1ms"), 2, "--interval: must be at least 100ms"), (("--admin", "127.0.0.1:1"), 1, "no response from 127.0.0.1:1")])
def test_invalid_arguments_are_reported(arguments, status, said):
    done = subprocess.run([binary(), "top", *arguments], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == status
    assert said in done.stderr
