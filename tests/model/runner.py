"""Runs a list of operations on a larder of their own, and checks every response as it arrives."""

import pathlib
import signal
import tempfile
import traceback

from api import Api, Clock, host_of
from configuration import Settings
from expectations import Expectations
from harness import PATIENCE, Larder, Origin
from history import History, Invalidation, of_purge, of_write
from operations import op
from reads import BRIEFLY, Reads
from rules import Broken, check_collapsing, check_upstream, require


class Run(Reads):
    def __init__(self, operations, loops=None):
        self.operations = operations
        first = operations[0] if operations and operations[0].name == "configure" else op("configure")
        self.directory = tempfile.TemporaryDirectory(prefix="larder-model-")
        chosen = dict(first.options)
        if loops is not None:
            chosen["loops"] = loops
        self.settings = Settings(pathlib.Path(self.directory.name) / "cache.db", **chosen)
        self.clock = Clock()
        self.api = Api(self.clock)
        self.history = History(self.api)
        self.expectations = Expectations(self.history)
        self.under_way = {}  # path: (thread, reading) of reads that are held
        self.known_tags = {}  # path: tags that clients have received, the newest last
        self.larder = None

    def run(self):
        """Raises Broken, or AssertionError for other failures."""
        self.origin = origin = Origin().on("*", self.api)
        try:
            self.larder = Larder(origin, **self.settings.parts())
            for operation in self.operations:
                if operation.name != "configure":
                    getattr(self, operation.name)(operation)
            for path in list(self.api.held):
                self.unhold(op("unhold", path))
            self.quiesce()
            check_upstream(self.history)
            check_collapsing(self.history, self.settings.memory)
            self.stop(signal.SIGTERM)
        finally:
            for path in list(self.api.held):
                self.api.unhold(path)
            if self.larder is not None:
                self.larder.__exit__(AssertionError, None, None)
            origin.close()
            self.directory.cleanup()

    # ---- the API

    def write(self, operation):
        path, method, result = operation.argument, operation.get("method", "PUT"), operation.get("result", "204")
        host = operation.get("host", "api.test")
        self.api.next_write[path] = result
        number = self.clock.tick()
        self.expectations.forget_path(path)
        with self.larder.client() as client:
            body = None if method == "DELETE" else b"{}"
            answer = client.get(path, {"Host": host, "X-Op": str(number)}, method=method, body=body)
        done = self.clock.tick()
        fetches = self.api.for_op(number)
        require(fetches, "a-write-goes-to-the-api", operation, answer.start)
        status = answer.status if fetches[0].status is None else fetches[0].status
        require(answer.status == status, "a-write-gets-its-answer", operation, answer.start)
        if 400 <= status < 500:
            return
        for level, concerns in of_write(host_of(host), path, applied=status < 400):
            self.invalidated(str(operation), level, fetches[0].released, done, concerns)

    def invalidated(self, what, level, before, done, concerns):
        self.history.invalidations.append(Invalidation(what, level, before, done, concerns))
        self.expectations.forget(concerns)

    def change(self, operation):
        self.api.bump(operation.argument)

    def state(self, operation):
        self.api.states[operation.argument] = operation.get("to")

    def hold(self, operation):
        self.api.hold(operation.argument)

    def release(self, operation):
        path = operation.argument
        if path not in self.api.held:
            return
        self.forget_stored(path)
        fetch = self.api.release(path, operation.get("index", 0))
        for thread, reading in list(self.under_way.get(path, ())):
            if fetch is not None and reading.number == fetch.op:
                thread.join(BRIEFLY * 2)
        self.collect(path)

    def collect(self, path):
        for thread, reading in list(self.under_way.get(path, ())):
            if not thread.is_alive():
                self.under_way[path].remove((thread, reading))
                self.end_reading(reading, False)

    def unhold(self, operation):
        path = operation.argument
        self.forget_stored(path)
        self.api.unhold(path)
        for thread, _ in self.under_way.get(path, ()):
            thread.join(PATIENCE)
        self.collect(path)
        stuck = [reading for _, reading in self.under_way.pop(path, ())]
        require(not stuck, "a-request-is-answered", *stuck)
        self.quiesce()

    def forget_stored(self, path):
        """A fetch that starts now may supersede it, in an unknown order."""
        if self.under_way.get(path):
            self.expectations.forget_path(path)

    # ---- the larder process

    def purge(self, operation):
        what, text, soft = operation.argument, operation.get("text", ""), operation.get("soft", False)
        before = self.clock.tick()
        wider = of_purge(what, text.partition("?")[0])  # a soft purge of one query applies to the others too
        self.expectations.forget(wider)
        status, answer = self.larder.change("/api/purge", {what: True if what == "all" else text, "soft": soft})
        assert status == 200, answer
        self.invalidated(str(operation), "soft" if soft else "strict", before, self.clock.tick(), of_purge(what, text))

    def reload(self, operation):
        for name, value in operation.options:
            setattr(self.settings, name, value)
        if set(dict(operation.options)) - {"gzip_level"}:
            self.expectations.forget(lambda key: True)
        for reads in self.under_way.values():
            for _, reading in reads:
                reading.lean_fields.add(self.settings.fields)
        self.larder.reload(**self.settings.parts())
        self.history.reloads.append(self.clock.tick())

    def restart(self, operation):
        for path in list(self.api.held):
            self.unhold(op("unhold", path))
        self.stop(signal.SIGKILL if operation.argument == "KILL" else signal.SIGTERM)
        if not self.settings.persist or operation.argument == "KILL":
            self.expectations.forget(lambda key: True)
        if operation.argument == "KILL":
            self.history.settled.clear()  # responses are persisted with a delay: an older one may be restored
        self.expectations.failing.clear()
        self.history.reloads.append(self.clock.tick())
        self.larder = Larder(self.origin, **self.settings.parts())

    def stop(self, number):
        self.larder.process.send_signal(number)
        self.larder.process.wait(PATIENCE)
        if number == signal.SIGKILL:
            self.larder.expected_exit = -signal.SIGKILL
        larder, self.larder = self.larder, None
        larder.__exit__(None, None, None)


def failure_of(operations, loops=None):
    """The failure of larder under these operations, or None."""
    try:
        Run(operations, loops).run()
    except Broken as broken:
        return broken
    except (AssertionError, OSError, ValueError) as failure:
        return Broken("the-run-ends", "".join(traceback.format_exception(failure)))
    return None
