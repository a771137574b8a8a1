"""The reading part of a run: one or many requests, waiting or not, and what is learnt from each response."""

import contextlib
import threading
import time

from configuration import route_of
from harness import PATIENCE, Client
from history import Reading
from operations import op
from rules import check, require

BRIEFLY = 0.25  # seconds in which a read usually reaches its wait; affects only how much a run observes
STUCK = 10  # timeout in seconds for responses that need no fetch; reached only on failure


class Reads:
    """A mixin of Run, which has the members that are used here."""

    def make_reading(self, operation):
        path = operation.argument
        fields = dict(operation.get("fields", ()))
        tags = self.known_tags.get(path, [])
        for option, name in (("inm", "If-None-Match"), ("if_range", "If-Range")):
            index = operation.get(option)
            if index is not None and tags:
                fields[name] = tags[-1 - index % len(tags)]
        if operation.get("host"):
            fields["Host"] = operation.get("host")
        number = self.clock.tick()
        fields["X-Op"] = str(number)
        query = operation.get("query")
        reading = Reading(number, path + (f"?{query}" if query else ""), operation.get("method", "GET"), fields, self.settings)
        self.history.readings[number] = reading
        return reading, fields

    def read(self, operation):
        path = operation.argument
        reading, fields = self.make_reading(operation)
        alone = path not in self.under_way and path not in self.api.held
        reading.expected = self.expectations.before(reading)
        reading.start = self.clock.tick()
        if path not in self.api.held:
            self.ask(reading, fields)
            self.end_reading(reading, alone)
            return
        thread = threading.Thread(target=self.ask, args=(reading, fields), daemon=True)
        thread.start()
        self.under_way.setdefault(path, []).append((thread, reading))
        if reading.expected:
            thread.join(STUCK)
            late = thread.is_alive()
            require(not late, f"a-reader-does-not-wait-for-nothing ({reading.expected})", reading, *self.api.for_op(reading.number))
        else:
            self.let_settle(thread, reading)
        if not thread.is_alive():
            self.under_way[path].remove((thread, reading))
            self.end_reading(reading, False)

    def ask(self, reading, fields):
        try:
            with Client(self.larder.address) as client:
                message = client.get(reading.target, fields, method=reading.method)
            reading.finish(message, self.clock.tick())
        except Exception as failure:  # noqa: BLE001 - judged by the rules
            reading.failure = repr(failure)
            reading.done = self.clock.tick()

    def let_settle(self, thread, reading):
        """Waits until the read has ended or its waiting is visible, up to a time limit."""
        waiting = sum(thread.is_alive() for reads in self.under_way.values() for thread, _ in reads)
        end = time.monotonic() + BRIEFLY
        while time.monotonic() < end:
            thread.join(0.001)
            if not thread.is_alive() or self.api.for_op(reading.number) or self.larder.metric("larder_fill_waiters") >= waiting:
                return

    def end_reading(self, reading, alone):
        require(reading.message is not None, "a-request-is-answered", reading)
        reading.lean_fields.add(self.settings.fields)
        check(self.history, reading)
        if reading.expected == "hit":
            fetches = self.api.for_op(reading.number)
            told = reading.is_hit and reading.ttl >= 0
            require(told and not fetches, "what-is-fresh-is-not-fetched", reading, *fetches)
        self.learn(reading)
        self.expectations.after(reading, alone)
        stale = reading.detail in ("stale-while-revalidate", "soft-invalidation")
        if stale and alone and not reading.directive("only-if-cached"):
            require(self.api.wait_for_op(reading.number), "a-stale-hit-is-refreshed", reading)
        if reading.is_hit and reading.ttl < 0 and not self.api.held:
            self.quiesce()

    def learn(self, reading):
        """Records what later responses must not be older than, and tags for conditional requests."""
        message = reading.message
        if message.get("ETag") and message.status == 200:
            seen = self.known_tags.setdefault(reading.path, [])
            if message["ETag"] not in seen:
                seen.append(message["ETag"])
        if reading.bypasses or reading.method != "GET" or reading.fetch_number is None:
            return
        fetch = self.api.fetches[reading.fetch_number]
        if reading.is_hit or "stored" in reading.told or self.ends_older(reading, fetch):
            self.history.settle(fetch, reading.done)

    @staticmethod
    def ends_older(reading, fetch):
        """Whether it is not stored but supersedes what was."""
        for_itself = reading.has_credentials or reading.directive("no-store") or fetch.body_of is None
        return not for_itself and fetch.op == reading.number and (fetch.is_final or bool(fetch.status == 304 and fetch.said & {"private", "no-store"}))

    def quiesce(self):
        """Waits until larder fetches nothing: then the API's responses have been processed."""
        if self.api.held:
            return
        answered = [fetch for fetch in list(self.api.fetches.values()) if fetch.released is not None]
        self.larder.wait_for("larder_fills_running", lambda value: value == 0)
        stamp = self.clock.tick()
        for fetch in answered:
            reading = self.history.readings.get(fetch.op)
            behind = reading is not None and reading.is_hit and not reading.bypasses and not reading.has_credentials
            whole = fetch.status == 200 or fetch.is_final or (fetch.status == 304 and fetch.body_of is not None and not fetch.said)
            if behind and whole and fetch.method == "GET" and not self.history.is_invalidated_under_way(fetch):
                self.history.settle(fetch, stamp)

    def expire(self, operation):
        """Requests a stored response until it is stale."""
        end = time.monotonic() + PATIENCE
        while True:
            asking = op("read", operation.argument, query=operation.get("query"), fields={"Cache-Control": "only-if-cached"})
            reading, fields = self.make_reading(asking)
            reading.start = self.clock.tick()
            self.ask(reading, fields)
            self.end_reading(reading, False)
            if not (reading.is_hit and reading.ttl >= 0) or route_of(operation.argument).long:
                return
            require(time.monotonic() < end, "a-lifetime-ends", reading)

    def storm(self, operation):
        """Concurrent requests on many connections for a key without a stored response: there must be one fetch."""
        path = operation.argument
        if path in self.api.held or self.api.states.get(path, "normal") != "normal" or not route_of(path).long:
            return
        self.quiesce()
        with contextlib.ExitStack() as stack:
            clients = [stack.enter_context(Client(self.larder.address)) for _ in range(operation.get("count", 24))]
            for round in range(operation.get("rounds", 4)):
                self.purge(op("purge", "path", text=path))
                readings = []
                for client in clients:
                    reading, fields = self.make_reading(op("read", path))
                    reading.start = self.clock.tick()
                    client.request("GET", reading.target, fields)
                    readings.append(reading)
                for client, reading in zip(clients, readings):
                    reading.finish(client.response(), self.clock.tick())
                for reading in readings:
                    check(self.history, reading)
                fetches = [fetch for reading in readings for fetch in self.api.for_op(reading.number)]
                # Before the first round the key may be remembered as hit-for-miss.
                if self.settings.memory == "0ms" or round > 0:
                    require(len(fetches) == 1, "one-fetch-a-lifetime", *fetches)
