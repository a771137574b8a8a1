"""Event streams, WebSockets, and information about the program itself."""

import asyncio
import json
from typing import Any, AsyncIterator

from fastapi import APIRouter, WebSocket
from starlette.requests import Request
from starlette.responses import StreamingResponse

from ..broker import Broker

HEARTBEAT_SECONDS = 15

router = APIRouter()


@router.get("/health")
async def get_health():
    return {"status": "ok"}


@router.get("/_stats")
async def get_stats(request: Request):
    counts = request.app.state.counts
    return {"total": sum(counts.values()), "requests": dict(sorted(counts.items()))}


@router.get("/events")
async def get_events(request: Request):
    stream = events(request.app.state.broker)
    return StreamingResponse(stream, media_type="text/event-stream", headers={"Cache-Control": "no-store"})


async def events(broker: Broker) -> AsyncIterator[str]:
    """`hello` at once, `write` for each later write, `heartbeat` if there was none for some time."""
    with broker.subscription() as queue:
        yield event("hello", {"writes": broker.writes})
        while True:
            try:
                write = await asyncio.wait_for(queue.get(), HEARTBEAT_SECONDS)
            except asyncio.TimeoutError:
                yield event("heartbeat", {"writes": broker.writes})
                continue
            if write is None:
                return
            yield event("write", write)


def event(name: str, data: dict[str, Any]) -> str:
    return f"event: {name}\ndata: {json.dumps(data)}\n\n"


@router.websocket("/ws")
async def echo(socket: WebSocket):
    await socket.accept()
    while True:
        message = await socket.receive()
        if message["type"] == "websocket.disconnect":
            return
        await socket.send({"type": "websocket.send", **content(message)})


def content(message: dict[str, Any]) -> dict[str, Any]:
    """The frame's content unchanged, text or binary."""
    return {name: message[name] for name in ("text", "bytes") if message.get(name) is not None}
