"""What a request must get if operations do not overlap: a hit if a fresh response is known to be stored, and a response without
waiting if the API is known to fail. If requests overlap nothing is known until the next response.
"""


class Expectations:
    def __init__(self, history):
        self.history = history
        self.stored = {}  # (key, variant): the fetch whose response is stored and fresh
        self.failing = set()  # (key, variant) whose last response was served because of an error

    def before(self, reading):
        """'hit', 'finish' (any response, but without waiting) or None."""
        if reading.bypasses or reading.asks_unknown_field:
            return "finish" if reading.asks_unknown_field or reading.directive("only-if-cached") else None
        place = (reading.key, reading.variant)
        may_use = not reading.forces or reading.route.min_interval
        if place in self.stored and may_use and not (reading.route.standard and reading.has_credentials):
            return "hit"
        if place in self.failing and reading.is_plain and self.only_failures(reading.path):
            return "finish"
        return "finish" if reading.directive("only-if-cached") else None

    def only_failures(self, path):
        """Whether no response received since could have changed it."""
        answered = [fetch for fetch in self.history.api.fetches.values() if fetch.path == path and fetch.released is not None and fetch.method in ("GET", "HEAD")]
        return bool(answered) and answered[-1].status in (None, 500, 503)

    def after(self, reading, alone):
        """`alone`: no other request for the path was under way meanwhile."""
        if reading.bypasses or reading.message is None:
            return
        place = (reading.key, reading.variant)
        if reading.detail == "stale-if-error" and reading.ttl < 0 and alone:
            self.failing.add(place)
        else:
            self.failing.discard(place)
        if reading.fetch_number is None:
            return
        fetch = self.history.api.fetches[reading.fetch_number]
        fresh = (reading.is_hit and reading.ttl >= 0) or "stored" in reading.told
        lasting = reading.route.long and "no-cache" not in fetch.said
        if alone and fresh and lasting:
            self.stored[place] = fetch
            return
        # The response to a HEAD may show a change (RFC 9111 4.3.5), and a final status supersedes the stored response, whether or not they may be stored.
        leaves_it = fetch.status in (400, 429, 500, 503) or (reading.directive("no-store") and fetch.method != "HEAD" and not fetch.is_final_status)
        if not reading.is_hit and not fresh and not leaves_it:
            self.forget(lambda key: key == reading.key)

    def forget(self, concerns):
        self.stored = {place: fetch for place, fetch in self.stored.items() if not concerns(place[0])}
        self.failing = {place for place in self.failing if not concerns(place[0])}

    def forget_path(self, path):
        self.forget(lambda key: key[1] == path)
