"""Passes each write on to every open event stream."""

import asyncio
from contextlib import contextmanager
from typing import Any, Iterator, Optional

QUEUE_LENGTH = 100

# What a stream takes from its queue: an event, or None when the stream is to end.
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
                # A reader that far behind has gone or will ask anew; it must not hold memory.
                end(queue)
                self._queues.discard(queue)
            else:
                queue.put_nowait({"number": self.writes, "kind": kind, "id": identifier})

    def close(self) -> None:
        """Ends all streams, and each that starts later at once."""
        self._closed = True
        for queue in self._queues:
            end(queue)


def end(queue: Queue) -> None:
    """None takes the place of what was waiting."""
    while not queue.empty():
        queue.get_nowait()
    queue.put_nowait(None)
