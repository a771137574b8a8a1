"""Counting of requests, times of responses, and entity tags; plain ASGI, so that streams are not buffered."""

import time
from collections import Counter
from hashlib import blake2b

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

UNCOUNTED = "/_stats"


class RequestCounter:
    """Counts each request under "METHOD path"; a WebSocket handshake is a GET."""

    def __init__(self, app: ASGIApp, counts: Counter[str]) -> None:
        self.app = app
        self.counts = counts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] in ("http", "websocket") and scope["path"] != UNCOUNTED:
            self.counts[f"{scope.get('method', 'GET')} {scope['path']}"] += 1
        await self.app(scope, receive, send)


class Stamp:
    """X-Made-At: the time when the response was generated, in seconds since the epoch; more precise than Date."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def stamp(message: Message) -> None:
            if message["type"] == "http.response.start":
                made = f"{time.time():.3f}".encode()
                message = {**message, "headers": [*message["headers"], (b"x-made-at", made)]}
            await send(message)

        await self.app(scope, receive, stamp)


class EntityTags:
    """Adds an ETag computed from its bytes to each JSON response to a GET, and sends 304 to a client that has them.

    The answer is computed all the same: this saves bytes, not work.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "GET":
            await self.app(scope, receive, send)
            return
        known = Headers(scope=scope).get("if-none-match")
        start: Message = {}
        body = bytearray()

        async def hold_json(message: Message) -> None:
            nonlocal start
            if message["type"] == "http.response.start" and is_json(message):
                start = message
            elif not start:
                await send(message)
            else:
                body.extend(message.get("body", b""))
                if not message.get("more_body", False):
                    await send_tagged(start, bytes(body), known, send)

        await self.app(scope, receive, hold_json)


def is_json(start: Message) -> bool:
    media_type = Headers(raw=start["headers"]).get("content-type", "")
    return start["status"] == 200 and media_type.partition(";")[0] == "application/json"


async def send_tagged(start: Message, body: bytes, known: str | None, send: Send) -> None:
    tag = f'"{blake2b(body, digest_size=16).hexdigest()}"'
    headers = MutableHeaders(raw=list(start["headers"]))
    headers["etag"] = tag
    if known is not None and matches(known, tag):
        del headers["content-length"]
        del headers["content-type"]
        start = {**start, "status": 304}
        body = b""
    await send({**start, "headers": headers.raw})
    await send({"type": "http.response.body", "body": body})


def matches(known: str, tag: str) -> bool:
    """RFC 9110 13.1.2, with the weak comparison of 8.8.3.2; our tags contain no comma."""
    candidates = [candidate.strip() for candidate in known.split(",")]
    return "*" in candidates or tag in (candidate.removeprefix("W/") for candidate in candidates)
