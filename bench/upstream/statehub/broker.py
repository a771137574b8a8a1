"""Sends each write to every open event stream."""

import asyncio
from contextlib import contextmanager
from typing import Any, Iterator, Optional

QUEUE_LENGTH = 100

# An element of a stream's queue: an event, or None to end the stream.
Queue = asyncio.Queue[Optional[dict[str, Any]]]


class Broker:
    def __init__(self) -> None:
        self.writes = 0
        self._queues: set[Queue] = set()
        self._closed = False

    @contextmanager
    def subscription(self) -> Iterator[Queue]:
        queue: Queue = asyncio.Queue(QUEUE_LENGTH)
        self._queues.add(queue)
        if self._closed:
            end(queue)
        try:
            yield queue
        finally:
            self._queues.discard(queue)

    def publish(self, kind: str, identifier: str) -> None:
        self.writes += 1
        for queue in list(self._queues):
            if queue.full():
                # A client so far behind has left or will connect again; its queue is dropped to free the memory.
                end(queue)
                self._queues.discard(queue)
            else:
                queue.put_nowait({"number": self.writes, "kind": kind, "id": identifier})

    def close(self) -> None:
        """Ends all streams, and later ones immediately."""
        self._closed = True
        for queue in self._queues:
            end(queue)


def end(queue: Queue) -> None:
    """Replaces the waiting events with None."""
    while not queue.empty():
        queue.get_nowait()
    queue.put_nowait(None)
