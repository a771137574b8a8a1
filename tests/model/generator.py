"""Random lists of operations. A seed gives the same list on every machine.

A list consists of short situations, each a few related operations, on few paths, so that they interact.
"""

import random

from api import ERRORS
from configuration import PATHS, ROUTES, route_of
from operations import op

ENCODINGS = ["gzip", "gzip", "br", "gzip, br", "gzip;q=0", "identity", "br;q=0.5, gzip"]
DIRECTIVES = ["no-cache", "no-store", "max-age=0", "only-if-cached", "min-fresh=7200", "max-stale=3600", "no-store, no-cache"]
RESULTS = ["204"] * 5 + ["200", "404", "409", "500", "500-applied", "503", "drop", "drop-applied"]
STATES = ["private", "no-store", "cookie", "no-cache", "drop", "v-private", "v-other", "v-cookie", "v-no-store", *ERRORS]


class Generator:
    def __init__(self, seed, loops=None):
        self.chance = chance = random.Random(seed)
        self.paths = chance.sample(PATHS, k=chance.choice([1, 2, 2, 3]))
        options = {"loops": loops or chance.choice([1, 1, 1, 2]), "persist": chance.random() < 0.3, "memory": chance.choice(["0ms", "8760h"])}
        self.operations = [op("configure", **options)]

    def make(self, count):
        weighted = [
            (self.read, 24), (self.reads, 10), (self.write, 10), (self.change, 4), (self.state, 8), (self.purge, 5), (self.reload, 4), (self.restart, 2),
            (self.collapse, 12), (self.overtake, 7), (self.validate, 12), (self.codings, 6), (self.failing, 7), (self.unstorable, 6), (self.storm, 5),
            (self.behind, 8), (self.shapes, 14),
        ]  # fmt: skip
        makers, weights = zip(*weighted)
        while len(self.operations) < count:
            self.chance.choices(makers, weights)[0]()
        return self.operations

    def add(self, name, argument="", **options):
        self.operations.append(op(name, argument, **options))

    def path(self, wanted=lambda route: True):
        """One of the paths in use, preferably with a suitable route; None if there is none."""
        fitting = [path for path in self.paths if wanted(route_of(path))]
        return self.chance.choice(fitting) if fitting else None

    # ---- single operations

    def read(self, path=None, plain=None):
        chance = self.chance
        path = path or self.path()
        route = route_of(path)
        if plain if plain is not None else chance.random() < 0.45:
            fields = {"X-Team": "a"} if path.endswith("/team") else {}
            return self.add("read", path, fields=fields or None)
        fields, options = {}, {}

        def maybe(probability, name, values):
            if chance.random() < probability:
                fields[name] = chance.choice(values)

        maybe(0.35, "Accept-Encoding", ENCODINGS)
        maybe(0.2, "Cache-Control", DIRECTIVES)
        maybe(0.03, "Pragma", ["no-cache"])
        maybe(0.1, "Origin", ["https://a.test", "https://b.test"])
        maybe(0.3 if route.name == "key" else 0.1, "Cookie", ["session=1", "session=2; theme=dark", "theme=dark; session=1", "preview=1"])
        maybe(0.08, "Authorization", ["Bearer a", "Bearer b"])
        maybe(0.3 if route.name == "key" else 0.05, "X-API-Key", ["k1", "k2"])
        maybe(0.2 if route.name == "key" else 0.0, "X-Debug", ["1"])
        maybe(0.7 if path.endswith("/team") else 0.1, "X-Team", ["a", "b"])
        maybe(0.7 if path.endswith("/lang") else 0.1, "Accept-Language", ["de", "EN", "en"])
        if chance.random() < 0.1:
            fields["Range"] = chance.choice(["bytes=0-9", "bytes=100-", "bytes=-20", "bytes=999999-"])
            options["if_range"] = chance.choice([None, 0, 1, 2])
        elif chance.random() < 0.25:
            options["inm"] = chance.randrange(4)
        queries = [None] * 4 + ["q=1"]
        if route.refresh:
            queries += ["refresh=1", "refresh=1", "q=1&refresh=1"]
        if route.lean:
            queries += ["fields=id", "fields=mark,id", "fields=nope", "fields=id&q=1"]
        options["query"] = chance.choice(queries)
        options["method"] = chance.choice([None] * 9 + ["HEAD"])
        options["host"] = chance.choice([None] * 12 + ["API.test", "api.test:80", "other.test"])
        self.add("read", path, fields=fields or None, **options)

    def reads(self):
        path = self.path()
        for _ in range(self.chance.randrange(2, 5)):
            self.read(path)

    def write(self, path=None):
        method = self.chance.choice(["PUT", "POST", "DELETE", "PATCH"])
        path = path or (self.chance.choice([self.path(), "/acts/1"]))
        self.add("write", path, method=method, result=self.chance.choice(RESULTS), host=self.chance.choice([None] * 6 + ["API.TEST:80", "other.test"]))

    def change(self):
        self.add("change", self.path())

    def state(self):
        self.add("state", self.path(), to=self.chance.choice(["normal"] * 4 + STATES))

    def purge(self, path=None):
        path = path or self.path()
        what, text = self.chance.choice([("path", path), ("path", path), ("path", path + "?q=1"), ("prefix", path[:-1]), ("group", "lists"), ("all", None)])
        self.add("purge", what, text=text, soft=True if self.chance.random() < 0.35 else None)

    def reload(self):
        changed = self.chance.choice(["gzip_level", "gzip_level", "fields", "ttl"])
        values = {"gzip_level": [1, 6, 9, 12], "fields": ["narrow", "wide"], "ttl": ["1h", "2h"]}
        self.add("reload", **{changed: self.chance.choice(values[changed])})

    def restart(self):
        self.add("restart", self.chance.choice(["TERM", "KILL"]))

    # ---- situations

    def collapse(self):
        """Requests while a fetch is held, with another operation between them."""
        chance, path = self.chance, self.path()
        if chance.random() < 0.7:
            self.add("purge", "path", text=path)
        self.add("hold", path)
        for _ in range(chance.randrange(2, 6)):
            self.read(path, plain=chance.random() < 0.75)
            kind = chance.random()
            if kind < 0.12:
                self.purge(path)
            elif kind < 0.2:
                self.write(path)
            elif kind < 0.35:
                self.add("release", path, index=chance.randrange(3))
            elif kind < 0.4:
                self.state()
        self.add("unhold", path)
        self.read(path, plain=True)

    def overtake(self):
        """A forced fetch that ends before one that started earlier."""
        path = self.path()
        route = route_of(path)
        force = {"query": "refresh=1"} if route.refresh and self.chance.random() < 0.6 else {"fields": {"Cache-Control": self.chance.choice(["no-cache", "max-age=0"])}}
        self.add("purge", "path", text=path)
        self.add("hold", path)
        self.read(path, plain=True)
        self.add("read", path, **force)
        for index in self.chance.choice([(1, 0), (1,), (0,), ()]):
            self.add("release", path, index=index)
        if self.chance.random() < 0.5:
            self.read(path, plain=True)
        self.add("unhold", path)
        self.read(path, plain=True)

    def validate(self):
        """An expired response, or one that must always be validated, and requests that wait for it."""
        chance = self.chance
        path = self.path(lambda route: not route.long or route.standard) or self.path()
        route = route_of(path)
        if route.standard and chance.random() < 0.8:
            self.add("state", path, to="no-cache")
        elif chance.random() < 0.7:
            self.add("state", path, to="normal")
        self.read(path, plain=True)
        if not route.long:
            self.add("expire", path)
        self.add("state", path, to=chance.choice(["normal", "v-private", "v-private", "v-other", "v-other", "v-cookie", "v-no-store", "private", "404", "500", "drop"]))
        if chance.random() < 0.3:
            self.change()
        held = chance.random() < 0.7
        if held:
            self.add("hold", path)
        for _ in range(chance.randrange(1, 4)):
            self.read(path, plain=chance.random() < 0.8)
        if chance.random() < 0.3:
            self.add("read", path, fields={"Cache-Control": "no-store"})
        if held:
            self.add("unhold", path)
        for _ in range(chance.randrange(1, 3)):
            self.read(path, plain=True)

    def behind(self):
        """Stale hits of different requests, and the background fetches that follow."""
        chance = self.chance
        path = self.path(lambda route: route.stale_while_revalidate) or self.path(lambda route: route.invalidated == "soft") or self.path()
        self.add("state", path, to=chance.choice(["normal"] * 3 + STATES))
        self.read(path, plain=True)
        if route_of(path).long:
            self.add("write", "/acts/1", method="POST")
        else:
            self.add("expire", path)
        if chance.random() < 0.4:
            self.state()
        for _ in range(chance.randrange(1, 3)):
            self.add("read", path, fields=chance.choice([None, {"Cache-Control": "no-store"}, {"Cache-Control": "no-store"}, {"Cookie": "session=1"}]))
        self.read(path, plain=True)

    def shapes(self):
        """Selections with fields_param, of stored and of bypassing responses."""
        path = self.path(lambda route: route.lean)
        if path is None:
            return
        for _ in range(self.chance.randrange(1, 4)):
            query = self.chance.choice(["fields=id", "fields=mark,id", "fields=nope", "fields=id&q=1", "q=1&fields=id"])
            self.add("read", path, query=query, fields=self.chance.choice([None, {"Authorization": "Bearer a"}, {"X-API-Key": "k1"}, {"Cache-Control": "no-store"}]))

    def codings(self):
        """Codings at several levels, their tags, and conditions with those."""
        chance, path = self.chance, self.path()
        coding = chance.choice(["gzip", "gzip", "br"])
        for _ in range(3):
            for _ in range(chance.randrange(2, 4)):
                self.add("read", path, fields={"Accept-Encoding": coding})
            accepts = chance.choice([None, "gzip", "br", "gzip;q=0", "identity"])
            self.add("read", path, inm=chance.randrange(2), fields={"Accept-Encoding": accepts} if accepts else None)
            if chance.random() < 0.6:
                self.add("reload", gzip_level=chance.choice([1, 6, 9, 12]))

    def failing(self):
        """A stored response is invalidated while the API is unreachable."""
        chance = self.chance
        path = self.path(lambda route: route.stale_if_error) or self.path()
        self.add("state", path, to="normal")
        self.read(path, plain=True)
        self.add("write", "/acts/1" if chance.random() < 0.7 else path, result=chance.choice(["204", "204", "500"]))
        self.add("state", path, to=chance.choice(["drop", "500", "503"]))
        self.read(path, plain=True)
        if chance.random() < 0.6:
            self.add("hold", path)
        for _ in range(chance.randrange(1, 4)):
            self.read(path, plain=chance.random() < 0.8)
        self.add("unhold", path)
        self.add("state", path, to="normal")
        self.read(path, plain=True)

    def unstorable(self):
        """A response that must not be stored because it is for one client, followed by concurrent requests of others."""
        chance, path = self.chance, self.path()
        if chance.random() < 0.5:
            self.add("state", path, to="normal")
        self.add("purge", "path", text=path)
        for _ in range(chance.randrange(1, 3)):
            self.add("read", path, fields=chance.choice([{"Cache-Control": "no-store"}, {"Authorization": "Bearer a"}, {"X-API-Key": "k1"}]))
        self.add("hold", path)
        for _ in range(chance.randrange(2, 4)):
            self.read(path, plain=True)
        self.add("unhold", path)

    def storm(self):
        # With several loops, the end of a fetch becomes visible on another loop with a short delay.
        several = self.operations[0].get("loops") > 1
        self.add("storm", self.path(), count=64 if several else 16, rounds=self.chance.randrange(10, 30) if several else 2)


def generate(seed, loops=None):
    chance = random.Random(f"length {seed}")
    return Generator(seed, loops).make(chance.randrange(20, 70))


assert set(path.split("/")[1] for path in PATHS) == set(ROUTES)
