"""Delta debugging (Zeller and Hildebrandt): finds a short list of operations that still breaks the same rule."""

import time


def shrink(operations, fails, seconds, say=lambda text: None):
    """`fails(operations)` tells whether a list still fails. The first operation, `configure`, is kept. Ends after the given
    number of seconds at the latest.
    """
    first, rest = operations[:1], operations[1:]
    end = time.monotonic() + seconds
    pieces = 2
    while rest and time.monotonic() < end:
        size = max(1, len(rest) // pieces)
        for start in range(0, len(rest), size):
            if time.monotonic() >= end:
                return first + rest
            candidate = rest[:start] + rest[start + size :]
            if fails(first + candidate):
                rest = candidate
                pieces = max(pieces - 1, 2)
                say(f"{len(rest)} operations")
                break
        else:
            if size == 1:
                break
            pieces = min(pieces * 2, len(rest))
    return first + rest
