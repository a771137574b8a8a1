"""A dashboard over https in Chromium: a page that polls ten lists and has an event stream. run.sh brings what this needs."""

import json
import os
import pathlib
import socket
import subprocess
import sys
import threading

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "scenarios"))

from certificates import Authority  # noqa: E402
from harness import Larder, Origin, reply  # noqa: E402

MODULES = ROOT / "build" / "browser" / "node_modules"


def trusting(authority, home):
    """An environment in which Chromium knows the authority."""
    store = home / ".pki" / "nssdb"
    store.mkdir(parents=True)
    for arguments in (["-N", "--empty-password"], ["-A", "-t", "C,,", "-n", "test", "-i", str(authority.ca)]):
        subprocess.run(["certutil", "-d", f"sql:{store}", *arguments], check=True, capture_output=True, timeout=60)
    return {**os.environ, "HOME": str(home)}


def test_a_polling_page_over_https(tmp_path):
    authority = Authority()
    files = authority.make("server", days=90)
    told = threading.Event()
    origin = Origin()

    def events(exchange):
        exchange.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: no-store\r\n\r\ndata: open\n\n")
        assert told.wait(60)
        exchange.send(b"data: changed\n\n")
        exchange.connection.shutdown(socket.SHUT_RDWR)

    def tell(exchange):
        told.set()
        exchange.send(reply(200, {}, b"told"))

    origin.on("/page", reply(200, {"Content-Type": "text/html"}, b"<!doctype html><link rel=icon href=data:,><title>lists</title>"))
    origin.on("/events", events)
    origin.on("/tell", tell)
    # No list is answered before all ten have been asked for: with the six connections of HTTP/1, one of which the events have, the page would stop.
    together = threading.Barrier(10)
    rows = reply(200, {"Content-Type": "application/json"}, json.dumps([{"id": n, "text": "t" * 100} for n in range(50)]).encode())

    def answer_together(_):
        together.wait(60)
        return rows

    for i in range(10):
        origin.on(f"/list/{i}", answer_together)
    try:
        with Larder(origin, routes='  - {path: "/list/{id}", ttl: 1h}\n  - {path: /**, cache: off}', listen=f'{{address: "127.0.0.1:0", tls: {{{files}}}}}') as larder:
            given = {"url": f"https://localhost:{larder.addresses[0][1]}/page", "polls": 3}
            command = ["node", str(pathlib.Path(__file__).with_name("https_page.mjs")), str(MODULES), json.dumps(given)]
            done = subprocess.run(command, capture_output=True, text=True, timeout=300, env=trusting(authority, tmp_path))
            assert done.returncode == 0, done.stderr
            seen = json.loads(done.stdout.splitlines()[-1])
    finally:
        told.set()
        origin.close()
    assert seen["complaints"] == []
    assert seen["secure"] is True and seen["security"]["protocol"] == "TLS 1.3" and seen["security"]["issuer"] == "test authority"
    assert [answer["status"] for answer in seen["answers"]] == [200] * 30 and all(answer["rows"] == 50 for answer in seen["answers"])
    assert all("hit" in answer["cache"] for answer in seen["answers"][10:]), seen["answers"][10:]
    assert seen["told"] == "changed" and seen["protocols"] == ["h2"]
    assert [request.target for request in origin.requests if request.target.startswith("/list/")].count("/list/3") == 1
