"""The API behind larder: versions of resources, a number for each response, and a record of all requests.

Every response has its number in X-Fetch, and its bytes differ from those of all others: what a client gets shows which response
it was made from.
"""

import json
import random
import threading
from urllib.parse import unquote

from configuration import route_of, vary_of
from harness import PATIENCE, Origin, reply

ERRORS = {"400": 400, "403": 403, "404": 404, "410": 410, "429": 429, "500": 500, "503": 503}
# The states of the API: how it responds, and (v-...) how it responds to a revalidation.
STATES = ["normal", "private", "no-store", "cookie", "no-cache", "drop", "v-private", "v-other", "v-cookie", "v-no-store", *ERRORS]


class Clock:
    """Assigns increasing numbers to events of all threads."""

    def __init__(self):
        self.lock = threading.Lock()
        self.now = 0

    def tick(self):
        with self.lock:
            self.now += 1
            return self.now


class Fetch:
    """One request that reached the API, and its response."""

    def __init__(self, number, request, arrival):
        self.number = number
        self.request = request
        self.arrival = arrival
        self.method = request.method
        path, _, query = request.target.partition("?")
        self.path = unquote(path)
        self.query = query
        self.host = host_of(request.get("Host", ""))
        self.op = int(request.get("X-Op", "-1"))
        self.released = None  # when the response was sent
        self.settled = None  # when larder was known to have processed it
        self.status = None  # None: the connection was dropped
        self.body = b""
        self.body_of = number  # the response whose body this one stands for; None for a 304 whose tag is not stored
        self.renews = None  # for a 304: the response that it validates
        self.version = None
        self.state = "normal"
        self.said = set()  # subset of private, no-store, no-cache, cookie
        self.tag = None

    @property
    def is_final(self):
        """Whether it supersedes the response stored before it."""
        return self.status is not None and self.status not in (206, 304, 400, 412, 416, 429, 500, 502, 503, 504)

    @property
    def is_final_status(self):
        return self.is_final and self.status != 200

    @property
    def has_credentials(self):
        return any(name in self.request for name in ("Authorization", "X-API-Key"))

    def refresh_in_query(self):
        return any(piece.startswith("refresh=") for piece in self.query.split("&"))

    def __str__(self):
        return f"fetch {self.number} ({self.method} {self.path}?{self.query} for read {self.op}, status {self.status}, {self.state}, arrived {self.arrival})"


def host_of(text):
    return text.lower().removesuffix(":80")


class Api:
    """The handler of an Origin: `origin.on("*", api)`."""

    def __init__(self, clock):
        self.clock = clock
        self.lock = threading.Condition()
        self.fetches = {}
        self.versions = {}
        self.states = {}
        self.current = {}  # the last complete response, to which a HEAD and a 304 refer
        self.held = set()
        self.waiting = []  # (path, fetch, event)
        self.next_write = {}  # path: how the next write ends

    # ---- used by the script

    def version(self, path):
        return self.versions.get(path, 1)

    def bump(self, path):
        self.versions[path] = self.version(path) + 1

    def hold(self, path):
        with self.lock:
            self.held.add(path)

    def release(self, path, index):
        with self.lock:
            candidates = [entry for entry in self.waiting if entry[0] == path]
            if not candidates:
                return None
            entry = candidates[index % len(candidates)]
            self.waiting.remove(entry)
            entry[2].set()
            return entry[1]

    def unhold(self, path):
        with self.lock:
            self.held.discard(path)
        while self.release(path, 0):
            pass

    def for_op(self, op):
        with self.lock:
            return [fetch for fetch in self.fetches.values() if fetch.op == op]

    def wait_for_op(self, op, count=1, patience=PATIENCE):
        with self.lock:
            return self.lock.wait_for(lambda: sum(fetch.op == op for fetch in self.fetches.values()) >= count, patience)

    # ---- used by larder

    def __call__(self, exchange):
        request = exchange.request
        with self.lock:
            fetch = Fetch(len(self.fetches) + 1, request, self.clock.tick())
            self.fetches[fetch.number] = fetch
            event = None
            if fetch.method in ("GET", "HEAD"):
                answer = self.read(fetch)
                if fetch.path in self.held:
                    event = threading.Event()
                    self.waiting.append((fetch.path, fetch, event))
            else:
                answer = self.write(fetch)
            self.lock.notify_all()
        if event is not None:
            assert event.wait(2 * PATIENCE), "the script did not release an answer"
        fetch.released = self.clock.tick()
        return answer

    def write(self, fetch):
        result = self.next_write.get(fetch.path, "204")
        fetch.state = result
        if result in ("204", "200", "500-applied", "drop-applied"):
            self.bump(fetch.path)
        if result.startswith("drop"):
            return Origin.CLOSE
        fetch.status = int(result[:3])
        return reply(fetch.status, {"X-Fetch": fetch.number}, b"" if fetch.status == 204 else b"done", length=fetch.status != 204)

    def variance(self, fetch):
        names = [*vary_of(fetch.path), *(("X-API-Key", "Cookie") if fetch.path.startswith("/key/") else ())]
        return tuple(fetch.request.get(name) for name in names)

    def read(self, fetch):
        fetch.version = self.version(fetch.path)
        fetch.state = state = self.states.get(fetch.path, "normal")
        if state == "drop":
            return Origin.CLOSE
        fields = {"X-Fetch": str(fetch.number)}
        if state in ERRORS:
            fetch.status = ERRORS[state]
            fetch.body = f"error {fetch.status} {fetch.number}".encode()
            return reply(fetch.status, fields, b"" if fetch.method == "HEAD" else fetch.body)
        fields["Content-Type"] = "application/json"
        vary = vary_of(fetch.path)
        if vary:
            fields["Vary"] = ", ".join(vary)
        directives = {"private": "private", "no-store": "no-store", "no-cache": "no-cache"}
        says = state
        place = (fetch.path, self.plain_query(fetch), fetch.version, self.variance(fetch))
        named = self.named(fetch, place)
        if named is not None and state.startswith("v-"):
            says = state[2:]
        if named is not None:
            fetch.renews = named.body_of
        if named is not None and says == "other":
            fetch.status, fetch.body_of, fetch.tag = 304, None, f'"other{fetch.number}"'
            return reply(304, {"ETag": fetch.tag, "X-Fetch": fetch.number, "Cache-Control": "max-age=3600"}, length=False)
        if says in directives:
            fetch.said.add(says)
            fields["Cache-Control"] = directives[says]
        elif route_of(fetch.path) and route_of(fetch.path).standard:
            fields["Cache-Control"] = "max-age=3600"
        if says == "cookie":
            fetch.said.add("cookie")
            fields["Set-Cookie"] = f"owner={fetch.op}"
        if named is not None:
            fetch.status, fetch.body_of, fetch.tag, fetch.body = 304, named.body_of, named.tag, named.body
            fields["ETag"] = fetch.tag
            return reply(304, fields, length=False)
        fetch.status = 200
        if fetch.method == "HEAD" and place in self.current:
            fetch.body_of, fetch.tag, fetch.body = (getattr(self.current[place], name) for name in ("body_of", "tag", "body"))
        else:
            fetch.tag = f'"f{fetch.number}"'
            fetch.body = self.body(fetch)
            self.current[place] = fetch
        fields["ETag"] = fetch.tag
        fields["Content-Length"] = str(len(fetch.body))
        return reply(200, fields, b"" if fetch.method == "HEAD" else fetch.body)

    @staticmethod
    def plain_query(fetch):
        return "&".join(piece for piece in fetch.query.split("&") if not piece.startswith("refresh="))

    def named(self, fetch, place):
        """The response named by a condition of the request, if that is still the state of the resource."""
        condition = fetch.request.get("If-None-Match")
        if condition is None:
            return None
        for other in self.fetches.values():
            is_whole = other.status == 200 and other.tag is not None and other.method == "GET"
            if is_whole and other.tag in condition and (other.path, self.plain_query(other), other.version, self.variance(other)) == place:
                return other
        return None

    @staticmethod
    def body(fetch):
        chance = random.Random(fetch.number)
        words = ["".join(chance.choices("abcdefgh", k=5)) for _ in range(24)]
        mark = f"{fetch.path}?{fetch.query} v{fetch.version} f{fetch.number}"
        items = [{"id": i, "mark": mark, "title": " ".join(chance.choices(words, k=14)), "more": " ".join(chance.choices(words, k=6))} for i in range(12)]
        return json.dumps(items).encode()

