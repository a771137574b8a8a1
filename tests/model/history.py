"""The history of a run: reads, invalidations, fetches that larder has processed, and the bytes of each entity tag."""

import re
from dataclasses import dataclass, field
from urllib.parse import unquote

from api import host_of
from configuration import route_of, vary_of
from harness import cache_status

ACCEPTED = {None: (), "gzip": ("gzip",), "br": ("br",), "gzip, br": ("gzip", "br"), "gzip;q=0": (), "identity": (), "br;q=0.5, gzip": ("gzip", "br")}
FORCING = {"cache-control": ("no-cache", "max-age=0", "min-fresh=7200"), "pragma": ("no-cache",)}


def plain(query, route):
    """The query as in the key of a stored response."""
    ours = [name for name, has in (("refresh", route and route.refresh), ("fields", route and route.lean)) if has]
    return "&".join(piece for piece in query.split("&") if piece and piece.split("=")[0] not in ours)


def session_of(cookie):
    found = re.search(r"(?:^|; )session=([^;]*)", cookie or "")
    return found and found[1]


def variant(path, get):
    """The values that distinguish variants of one key; `get` returns a field of the request."""
    values = [("origin", get("Origin"))]
    for name in vary_of(path):
        value = get(name)
        values.append((name, value.lower() if value and name == "accept-language" else value))
    if route_of(path) and route_of(path).key_fields:
        values += [("x-api-key", get("X-API-Key")), ("session", session_of(get("Cookie")))]
    return tuple(values)


class Reading:
    """One GET or HEAD of a client, and its response."""

    def __init__(self, number, target, method, fields, settings):
        self.number = number
        self.method = method
        self.target = target
        path, _, self.query = target.partition("?")
        self.path = unquote(path)
        self.fields = {name.lower(): value for name, value in fields.items()}
        self.route = route_of(self.path)
        self.host = host_of(self.fields.get("host", "api.test"))
        self.key = (self.host, self.path, plain(self.query, self.route))
        self.variant = variant(self.path, lambda name: self.fields.get(name.lower()))
        self.settings = settings
        self.lean_fields = {settings.fields}  # while it was under way
        self.start = self.done = None
        self.message = None
        self.failure = None
        self.expected = None  # "hit" or "finish": the model's prediction
        self.told = {}

    def directive(self, text):
        return text in self.fields.get("cache-control", "")

    @property
    def refreshes(self):
        return self.route is not None and self.route.refresh and "refresh=1" in self.query.split("&")

    @property
    def forces(self):
        if self.refreshes:
            return True
        if self.route is None or self.route.ignores_directives:
            return False
        # RFC 9111 5.4: with Cache-Control, Pragma is ignored.
        names = ["cache-control"] if "cache-control" in self.fields else ["pragma"]
        return any(text in self.fields.get(name, "") for name in names for text in FORCING[name])

    @property
    def forces_by_age_alone(self):
        return not self.refreshes and self.fields.get("cache-control") == "max-age=0"

    @property
    def bypasses(self):
        """Whether the request bypasses the cache."""
        if self.route is None or self.route.off:
            return True
        if self.route.name == "key" and ("x-debug" in self.fields or "preview=" in self.fields.get("cookie", "")):
            return True
        if self.route.standard:
            return False
        return "authorization" in self.fields or ("x-api-key" in self.fields and "x-api-key" not in self.route.key_fields)

    @property
    def has_credentials(self):
        return "authorization" in self.fields or "x-api-key" in self.fields

    @property
    def is_plain(self):
        """Whether it neither forces nor forbids anything."""
        return not (self.bypasses or self.forces or self.has_credentials or "cache-control" in self.fields or "range" in self.fields)

    @property
    def asks_unknown_field(self):
        return self.route is not None and self.route.lean and "nope" in self.query

    def finish(self, message, stamp):
        self.message = message
        self.done = stamp
        if "Cache-Status" in message:
            self.told = cache_status(message)[1]

    @property
    def is_hit(self):
        return "hit" in self.told

    @property
    def ttl(self):
        return int(self.told.get("ttl", "0"))

    @property
    def detail(self):
        return self.told.get("detail")

    @property
    def fetch_number(self):
        value = self.message.get("X-Fetch") if self.message else None
        return int(value) if value else None

    def __str__(self):
        got = f"{self.message.start.split(' ', 1)[1]}, {self.message.get('Cache-Status')}, X-Fetch {self.fetch_number}" if self.message else self.failure
        return f"read {self.number} ({self.method} {self.target} {self.fields}, from {self.start} to {self.done}): {got}"


@dataclass
class Invalidation:
    """larder processed it between `before` and `done`. It applies to responses fetched before `before`, for requests that arrived
    after `done`.
    """

    what: str
    level: str  # strict, hard (only while the API fails) or soft (once more)
    before: int
    done: int
    concerns: object = field(repr=False)  # predicate of a key


LEVELS = ("soft", "hard", "strict")


def of_write(host, path, applied):
    """What a write invalidates that was or may have been applied: pairs of a level and a predicate of a key."""
    yield ("strict" if applied else "hard"), lambda key: key[0] == host and key[1] == path
    if path.startswith("/acts/"):
        for level in ("hard", "soft"):
            yield level, lambda key, level=level: bool(route_of(key[1])) and route_of(key[1]).invalidated == level


def of_purge(what, text):
    def concerns(key):
        if what == "all":
            return True
        if what == "group":
            return bool(route_of(key[1])) and text in route_of(key[1]).groups
        if what == "prefix":
            return key[1].startswith(text)
        return (f"{key[1]}?{key[2]}" if key[2] else key[1]) == text if "?" in text else key[1] == text

    return concerns


class History:
    def __init__(self, api):
        self.api = api
        self.readings = {}
        self.invalidations = []
        self.settled = {}  # key: fetches that larder has processed, with the time when that was known
        self.tags = {}  # (key, tag): (bytes, coding)
        self.reloads = []  # times

    def settle(self, fetch, stamp):
        if fetch.settled is None:
            fetch.settled = stamp
            self.settled.setdefault(self.key_of(fetch), []).append(fetch)

    def is_invalidated_under_way(self, fetch):
        """Whether larder may have dropped its response because of an invalidation."""
        return any(one.done > self.began_after(fetch) and one.concerns(self.key_of(fetch)) for one in self.invalidations)

    @staticmethod
    def key_of(fetch):
        return (fetch.host, fetch.path, plain(fetch.query, route_of(fetch.path)))

    @staticmethod
    def variant_of(fetch):
        return variant(fetch.path, fetch.request.get)

    def began_after(self, fetch):
        """A time before which the fetch had not started: when the request that caused it arrived."""
        reading = self.readings.get(fetch.op)
        return reading.start if reading else 0

    def is_before(self, older, newer):
        """Whether `older` certainly came first: it had reached the API before the request that caused `newer` arrived."""
        return older.arrival < self.began_after(newer)
