"""The configuration under test, and the properties of each route that the model uses."""

from dataclasses import dataclass

LEAN_FIELDS = {"narrow": ["id", "mark"], "wide": ["id", "mark", "title"]}
CREDENTIALS = ("Authorization", "X-API-Key")


@dataclass(frozen=True)
class Route:
    name: str
    yaml: str
    long: bool = True  # stored responses stay fresh for the whole run
    standard: bool = False
    off: bool = False
    refresh: bool = False  # has a refresh_param
    ignores_directives: bool = False
    min_interval: bool = False
    stale_while_revalidate: bool = False
    stale_if_error: bool = False
    negative: bool = False
    key_fields: tuple = ()
    invalidated: str = ""  # by a write to a path below /acts/: hard or soft
    lean: bool = False
    groups: tuple = ()


ROUTES = {
    route.name: route
    for route in (
        Route("long", "ttl: {ttl}, refresh_param: refresh, groups: [lists]", refresh=True, groups=("lists",)),
        Route("lean", "ttl: 1h, fields: [{fields}], fields_param: fields, refresh_param: refresh", refresh=True, lean=True),
        Route("short", "ttl: 1ms", long=False),
        Route("swr", "ttl: 1ms, stale_while_revalidate: 1h", long=False, stale_while_revalidate=True),
        Route("sie", "ttl: 1h, stale_if_error: 1h, invalidated_by: [/acts/**], refresh_param: refresh", refresh=True, stale_if_error=True, invalidated="hard"),
        Route("soft", "ttl: 1h, invalidated_by: [/acts/**], invalidation: soft, groups: [lists]", invalidated="soft", groups=("lists",)),
        Route(
            "key",
            "ttl: 1h, key: {{headers: [x-api-key], cookies: [session]}}, bypass: {{cookies: [preview], headers: [x-debug]}}",
            key_fields=("x-api-key", "cookie:session"),
        ),
        Route("min", "ttl: 1h, refresh_param: refresh, refresh_min_interval: 1h", refresh=True, min_interval=True),
        Route("neg", "ttl: 1h, negative_ttl: 1h", negative=True),
        Route("ignore", "ttl: 1h, client_directives: ignore", ignores_directives=True),
        Route("std", "cache: standard", standard=True),
        Route("off", "cache: off", long=False, off=True),
    )
}

# The second segment of a path says what the API's response varies by.
PATHS = [f"/{name}/a" for name in ROUTES] + ["/long/team", "/std/team", "/swr/team", "/long/lang", "/key/user", "/lean/b", "/sie/b"]
VARY = {"a": (), "team": ("x-team",), "lang": ("accept-language",), "user": (), "b": ()}


def route_of(path):
    return ROUTES.get(path.split("/")[1])


def vary_of(path):
    return VARY.get(path.split("/")[2], ()) if route_of(path) else ()


class Settings:
    """The settings that `configure` chooses and `reload` changes."""

    def __init__(self, persist_file, loops=1, persist=False, memory="0ms"):
        self.loops = loops
        self.persist = persist_file if persist else None
        self.memory = memory  # cache.uncacheable_memory: how long a key is remembered as hit-for-miss
        self.gzip_level = 6
        self.fields = "narrow"
        self.ttl = "1h"

    def parts(self):
        persist = f", persist: {self.persist}, persist_stale: 0ms" if self.persist else ""
        values = {"ttl": self.ttl, "fields": ", ".join(LEAN_FIELDS[self.fields])}
        routes = "\n".join(f"  - {{path: /{route.name}/**, {route.yaml.format(**values)}}}" for route in ROUTES.values())
        return {
            "routes": routes,
            "settings": f"loops: {self.loops}\ncache: {{uncacheable_memory: {self.memory}, variants: 1024{persist}}}\n"
            f"compression: {{min_size: 64B, gzip_level: {self.gzip_level}}}",
            "upstream": "  breaker_failures: 0",
        }
