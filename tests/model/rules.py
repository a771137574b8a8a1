"""What a response must not be, whatever the timing was: each rule reads the history alone, and counts as broken only where the order of events is certain."""

import json
import zlib

from configuration import LEAN_FIELDS
from history import ACCEPTED, LEVELS


class Broken(AssertionError):
    """A rule is broken: which, and what was seen."""

    def __init__(self, rule, text):
        super().__init__(f"{rule}: {text}")
        self.rule = rule


def require(condition, rule, *about):
    if not condition:
        raise Broken(rule, "\n    ".join(str(thing) for thing in about))


def check(history, reading):
    """All rules, for a reading that has just ended."""
    message = reading.message
    require(message is not None, "a-request-is-answered", reading)
    require(message.complete, "a-response-is-complete", reading)
    require("Cache-Status" in message, "cache-status-is-there", reading)
    fetches = history.api.for_op(reading.number)
    if reading.directive("only-if-cached"):
        require(not fetches, "only-if-cached-stays-here", reading, *fetches)
        require(reading.is_hit or message.status == 504 or reading.asks_unknown_field, "only-if-cached-is-a-hit-or-504", reading)
    if reading.asks_unknown_field:
        refused = message.status == 400 or (message.status == 504 and reading.directive("only-if-cached"))
        require(refused and not fetches, "an-unknown-field-is-refused", reading, *fetches)
        return
    check_cache_status(reading)
    if reading.fetch_number is None:
        return check_own_answer(history, reading)
    fetch = history.api.fetches[reading.fetch_number]
    if fetch.op == reading.number and fetch.status == message.status == 304 and passes_condition(reading, fetch):
        # The API's answer to the client's own condition, whose tags are translated on the way up and back.
        known = fetch.body_of is None or message.get("ETag", "") in reading.fields["if-none-match"]
        return require(known, "a-304-names-a-tag-that-the-client-has", reading, fetch)
    require(fetch.body_of is not None, "a-304-for-another-tag-renews-nothing", reading, fetch)
    # A 304 for another tag leaves what is stored as it is, for this once.
    once = reading.told.get("fwd-status") == "304" and any(one.status == 304 and one.body_of is None for one in fetches)
    if once:
        return check_body(history, reading, fetch)
    check_who_fetched(history, reading, fetch, fetches)
    # What came less than a millisecond ago has the age that max-age=0 accepts.
    of_no_age = reading.is_hit and reading.forces_by_age_alone and message.get("Age") == "0"
    if reading.forces and not of_no_age and not reading.bypasses and not reading.route.min_interval and reading.detail not in ("refresh-too-soon", "stale-if-error"):
        require(fetch.arrival > reading.start, "a-forced-fetch-is-new", reading, fetch)
    if fetch.op != reading.number:
        check_sharing(history, reading, fetch)
        check_invalidations(history, reading, fetch)
        check_order(history, reading, fetch)
    check_body(history, reading, fetch)
    check_tags(history, reading)


def passes_condition(reading, fetch):
    """Whether the API was asked with the client's own condition."""
    passed = reading.bypasses or "request-no-store" == reading.detail or "stored" not in reading.told
    return passed and "if-none-match" in reading.fields and "If-None-Match" in fetch.request and not reading.is_hit and "collapsed" not in reading.told


def check_cache_status(reading):
    told = reading.told
    if reading.is_hit:
        require("fwd" not in told and "stored" not in told and "collapsed" not in told, "a-hit-is-nothing-else", reading)
        require("ttl" in told, "a-hit-has-a-ttl", reading)
        stale = reading.detail in ("stale-while-revalidate", "soft-invalidation", "stale-if-error", "max-stale")
        if reading.detail == "stale-if-error" and reading.forces:
            stale = reading.ttl < 0  # a forced fetch that failed may leave what is fresh
        require(stale == (reading.ttl < 0), "the-ttl-has-the-right-sign", reading)
        if reading.detail == "stale-while-revalidate":
            require(reading.route.stale_while_revalidate, "stale-while-revalidate-is-the-routes", reading)
        if reading.detail == "soft-invalidation":
            require(not reading.forces or reading.route.min_interval or reading.forces_by_age_alone, "a-forced-fetch-is-new", reading)
    elif "fwd" not in told:
        require("detail" in told, "a-response-has-a-reason", reading)


def check_own_answer(history, reading):
    """A response of larder's own."""
    status = reading.message.status
    if status == 504 and reading.directive("only-if-cached"):
        return
    if status == 416:
        return require("range" in reading.fields, "416-is-for-a-range", reading)
    failed = any(fetch.path == reading.path and fetch.status is None for fetch in history.api.fetches.values())
    require(status in (502, 503, 504) and failed, "an-error-has-a-cause", reading)


def check_who_fetched(history, reading, fetch, fetches):
    own = fetch.op == reading.number
    if reading.is_hit:
        if reading.ttl >= 0 and reading.detail != "stale-if-error":
            require(not fetches, "a-fresh-hit-fetches-nothing", reading, *fetches)
        if reading.detail == "stale-if-error":
            failing = any(one.path == reading.path and one.status in (None, 500, 503) for one in history.api.fetches.values())
            require(failing, "stale-if-error-has-an-error", reading)
            softly = any(one.level == "soft" and one.concerns(reading.key) for one in history.invalidations)
            require(reading.route.stale_if_error or reading.route.standard or reading.ttl >= 0 or softly, "stale-if-error-is-the-routes", reading)
    elif "collapsed" in reading.told:
        require(not own, "collapsed-is-anothers-fetch", reading, fetch)
    else:
        require(own, "a-forwarded-request-gets-its-own-fetch", reading, fetch)


def check_sharing(history, reading, fetch):
    """Only requests that the API could not tell apart, and only what is nobody's own."""
    about = (reading, fetch)
    require(history.key_of(fetch) == reading.key, "one-key", *about)
    unlike = [a for a, b in zip(history.variant_of(fetch), reading.variant) if a != b]
    if fetch.status >= 400:  # the API's errors have no Vary
        unlike = [one for one in unlike if one[0] in ("origin", "x-api-key", "session")]
    require(not unlike, "one-variant", *about, unlike)
    require(not reading.bypasses, "a-bypass-shares-nothing", *about)
    body = history.api.fetches[fetch.body_of]
    secret = fetch.said & {"private", "no-store", "no-cache"} or body.said & {"private", "no-store"}
    require(not secret, "what-is-not-for-sharing-is-not-shared", *about)
    for one in (fetch, body):
        require("cookie" not in one.said or one.status == 304, "a-cookie-is-not-shared", *about)
        foreign = "Authorization" in one.request or ("X-API-Key" in one.request and not reading.route.key_fields)
        require(not foreign, "what-answers-a-credential-is-not-shared", *about)
        require("no-store" not in one.request.get("Cache-Control", ""), "no-store-stores-nothing", *about)
    if fetch.status in (404, 410):
        require(reading.route.negative, "an-error-is-not-stored", *about)
    elif fetch.status >= 400:
        require(fetch.status >= 500 and "collapsed" in reading.told, "an-error-is-not-stored", *about)


def check_invalidations(history, reading, fetch):
    worst = None
    # A 304 that names another tag renews what it validates and leaves its fields, X-Fetch among them.
    renewals = [one.arrival for one in history.api.fetches.values() if one.body_of is None and one.renews is not None and one.renews == fetch.body_of]
    arrival = max([fetch.arrival, *renewals])
    for one in history.invalidations:
        if one.done < reading.start and arrival < one.before and one.concerns(reading.key):
            if worst is None or LEVELS.index(one.level) > LEVELS.index(worst.level):
                worst = one
    if worst is None:
        return
    allowed = {"soft": ("soft-invalidation", "stale-if-error", "stale-while-revalidate"), "hard": ("stale-if-error",), "strict": ()}[worst.level]
    require(reading.is_hit and reading.ttl < 0 and reading.detail in allowed, "what-is-invalidated-is-not-used", reading, fetch, worst)


def check_order(history, reading, fetch):
    """No reader gets what is older than what larder has stored or seen before that reader came."""
    for other in history.settled.get(reading.key, ()):
        if other.settled < reading.start and history.is_before(fetch, other) and history.variant_of(other) == reading.variant:
            require(False, "nothing-older-comes-back", reading, fetch, f"but settled at {other.settled}: {other}")


def expected_bodies(reading, body):
    """The bytes that an answer of the API may have become, or the objects where larder may have cut it."""
    route = reading.route
    if body.status != 200 or route is None or not route.lean or reading.bypasses:
        return [body.body]
    kept = reading.is_hit or "stored" in reading.told or "collapsed" in reading.told
    validated = "fwd-status" in reading.told  # then the bytes are those that were stored
    if not kept and not validated and reading.detail is not None and reading.detail != "superseded":
        return [body.body]  # what is not stored passes whole
    items = json.loads(body.body)
    asked = [piece[7:].split(",") for piece in reading.query.split("&") if piece.startswith("fields=")]
    results = []
    for name in reading.lean_fields:
        kept = set(LEAN_FIELDS[name]) & (set(asked[0]) if asked else set(LEAN_FIELDS[name]))
        results.append([{key: value for key, value in item.items() if key in kept} for item in items])
    return results


def check_body(history, reading, fetch):
    message = reading.message
    body = history.api.fetches[fetch.body_of]
    cookies = message.all("Set-Cookie")
    require(all(cookie == f"owner={reading.number}" for cookie in cookies), "a-cookie-is-its-clients", reading, fetch)
    if message.status in (304, 206, 416):
        return
    require(message.status == (200 if fetch.status == 304 else fetch.status), "the-status-is-the-apis", reading, fetch)
    if reading.method == "HEAD":
        return
    content = message.body
    coding = message.get("Content-Encoding")
    if coding:
        require(coding in ACCEPTED[reading.fields.get("accept-encoding")], "a-coding-is-accepted", reading)
        if coding == "br":
            return  # nothing here can undo it
        content = zlib.decompress(content, wbits=31)
    expected = expected_bodies(reading, body)
    same = content in expected if isinstance(expected[0], bytes) else json.loads(content) in expected
    require(same, "the-body-is-the-fetchs", reading, fetch, content[:200])


def check_tags(history, reading):
    message = reading.message
    tag = message.get("ETag")
    coding = message.get("Content-Encoding")
    if message.status == 304:
        condition = reading.fields.get("if-none-match", "")
        require(tag is not None and tag.removeprefix("W/") in condition, "a-304-has-the-clients-tag", reading)
        known = history.tags.get((reading.key, tag))
        if known is not None and known[1]:
            require(known[1] in ACCEPTED[reading.fields.get("accept-encoding")], "a-304-is-for-an-accepted-coding", reading, known[1])
        return
    if tag is None or tag.startswith("W/") or reading.method == "HEAD":
        return
    place = (reading.key, tag)
    if message.status == 206:
        first, last = message["Content-Range"].split(" ")[1].split("/")[0].split("-")
        condition = reading.fields.get("if-range")
        require(condition in (None, tag), "a-part-is-of-what-if-range-names", reading)
        if place in history.tags:
            require(history.tags[place][0][int(first) : int(last) + 1] == message.body, "a-tag-names-the-same-bytes", reading)
    elif message.status == 200:
        known = history.tags.setdefault(place, (message.body, coding))
        require(known[0] == message.body, "a-tag-names-the-same-bytes", reading, f"{len(known[0])} bytes before, {len(message.body)} now")


# ---- at the end of a run --------------------------------------------------------------------------------------------


def check_upstream(history):
    """What the API was asked."""
    issued = {fetch.tag for fetch in history.api.fetches.values() if fetch.tag}
    for fetch in history.api.fetches.values():
        reading = history.readings.get(fetch.op)
        if reading is None or fetch.method not in ("GET", "HEAD"):
            continue
        names = [piece.split("=")[0] for piece in fetch.query.split("&")]
        if reading.route is not None and reading.route.lean:
            require("fields" not in names, "fields-param-stays-here", fetch, reading)
        if "refresh" in names:
            require("refresh" in reading.query, "only-a-refresh-says-so", fetch, reading)
        require(not reading.directive("only-if-cached"), "only-if-cached-stays-here", reading, fetch)
        require(not (reading.is_hit and reading.ttl >= 0 and reading.detail != "stale-if-error"), "a-fresh-hit-fetches-nothing", reading, fetch)
        for tag in (fetch.request.get("If-None-Match") or "").split(", "):
            fine = not tag or tag in issued or tag.rstrip('"') in reading.fields.get("if-none-match", "")
            require(fine, "the-api-knows-the-tags-that-it-is-asked-for", fetch, tag)


def check_collapsing(history, memory):
    """While a fetch is under way, a plain request for the same starts no other."""
    fetches = [fetch for fetch in history.api.fetches.values() if fetch.op in history.readings]
    for second in fetches:
        reading = history.readings[second.op]
        if not reading.is_plain or reading.method != "GET" or len(reading.variant) > 1:
            continue
        for first in fetches:
            leader = history.readings[first.op]
            together = first.arrival < reading.start and (first.released is None or second.arrival < first.released)
            if not together or first.status != 200 or first.said or not leader.is_plain or leader.method != "GET":
                continue
            if history.key_of(first) != reading.key or leader.variant != reading.variant:
                continue
            between = any(one.done > leader.start and one.before < second.arrival for one in history.invalidations)
            replaced = any(first.arrival < one.arrival < second.arrival and one.op != second.op and history.key_of(one) == reading.key for one in fetches)
            reloaded = any(leader.start < stamp < second.arrival for stamp in history.reloads)
            if between or replaced or reloaded or (memory != "0ms" and was_unshared(history, reading.key, second.arrival)):
                continue
            require(False, "readers-share-a-fetch-under-way", reading, second, f"under way: {first}")


def was_unshared(history, key, until):
    """Whether larder may remember that answers for the key cannot be shared, for a reason that does not lie in one request."""
    for fetch in history.api.fetches.values():
        reading = history.readings.get(fetch.op)
        if reading is None or history.key_of(fetch) != key or fetch.arrival > until:
            continue
        in_request = reading.has_credentials or reading.bypasses or reading.directive("no-store")
        if not in_request and (fetch.status not in (200, 304) or fetch.said):
            return True
    return False
