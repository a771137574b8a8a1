#!/usr/bin/python3
"""Serves the sample API; generates its data first if necessary. See README.md beside this file."""

import argparse
import asyncio
import signal
import socket
import sys
from pathlib import Path

import uvicorn
from sqlalchemy.exc import SQLAlchemyError
from statehub import data, database
from statehub.app import create_app
from statehub.broker import Broker
from statehub.recipe import MAY_BE_MORE, Recipe

REPOSITORY = Path(__file__).resolve().parents[2]
DASHBOARDS = ["http://localhost:3000", "http://localhost:5173"]


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="The sample API that larder is tried and measured with.")
    add = parser.add_argument
    add("--host", default="127.0.0.1", help="address to listen on (default %(default)s)")
    add("--port", type=int, default=8000, help="port to listen on; 0: the kernel chooses (default %(default)s)")
    add("--unix", type=Path, metavar="PATH", help="listen on a Unix socket instead")
    add("--data", type=Path, default=REPOSITORY / "build" / "statehub", metavar="DIR",
        help="where the data is made and kept (default build/statehub)")
    add("--database", metavar="URL", help="postgresql+asyncpg://... (default: SQLite in the data directory)")
    add("--scale", type=positive, default=1.0, help="size of the data (default %(default)s)")
    add("--seed", type=int, default=1, help="what the data is made from (default %(default)s)")
    add("--more", type=more, default=(), metavar="NAME=FACTOR,...",
        help="more of some things than the scale says: " + "; ".join(f"{name}: {what}" for name, what in MAY_BE_MORE.items()))
    add("--etag", action="store_true", help="send ETags, and answer 304 to If-None-Match")
    add("--stamp", action="store_true", help="say in X-Made-At when an answer was made")
    add("--origins", nargs="*", default=DASHBOARDS, metavar="ORIGIN",
        help=f"origins that CORS allows (default {' '.join(DASHBOARDS)})")
    return parser.parse_args()


def positive(text: str) -> float:
    value = float(text)
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError("must be more than 0")
    return value


def more(text: str) -> tuple[tuple[str, float], ...]:
    factors = {}
    for part in filter(None, text.split(",")):
        name, _, factor = part.partition("=")
        if name not in MAY_BE_MORE:
            raise argparse.ArgumentTypeError(f"no '{name}'; there may be more of {', '.join(MAY_BE_MORE)}")
        try:
            factors[name] = positive(factor)
        except ValueError:
            raise argparse.ArgumentTypeError(f"{name} wants a number: {name}=2") from None
    return tuple(sorted(factors.items()))


class Server(uvicorn.Server):
    """Reports when it accepts connections, and ends the event streams, which do not end by themselves, when it stops."""

    def __init__(self, config: uvicorn.Config, broker: Broker, address: str) -> None:
        super().__init__(config)
        self.broker = broker
        self.address = address

    async def startup(self, sockets=None) -> None:
        await super().startup(sockets=sockets)
        print(f"listening on {self.address}", flush=True)

    async def shutdown(self, sockets=None) -> None:
        self.broker.close()
        await super().shutdown(sockets=sockets)


def listen(arguments: argparse.Namespace) -> tuple[socket.socket, str]:
    if arguments.unix is not None:
        if arguments.unix.is_socket():
            arguments.unix.unlink()  # left over from a process that was killed
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(arguments.unix))
        return listener, f"unix:{arguments.unix}"
    family = socket.AF_INET6 if ":" in arguments.host else socket.AF_INET
    listener = socket.socket(family)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((arguments.host, arguments.port))
    host = f"[{arguments.host}]" if family == socket.AF_INET6 else arguments.host
    return listener, f"http://{host}:{listener.getsockname()[1]}"


async def serve(arguments: argparse.Namespace, listener: socket.socket, address: str) -> int:
    recipe = Recipe(arguments.scale, arguments.seed, arguments.more)
    engine = database.open_engine(arguments.database or data.default_database(arguments.data, recipe))
    try:
        try:
            tree = await data.ensure(arguments.data, recipe, engine)
        except (OSError, SQLAlchemyError, database.ForeignTables) as error:
            print(f"no data to serve: {error}", file=sys.stderr)
            return 1
        broker = Broker()
        app = create_app(database.session_factory(engine), tree, broker, arguments.origins, arguments.etag, arguments.stamp)
        # The event loop and the parsers of Debian's packages, even if others are installed.
        config = uvicorn.Config(
            app, loop="asyncio", http="h11", ws="websockets", lifespan="off", log_level="warning", access_log=False
        )
        await Server(config, broker, address).serve(sockets=[listener])
        return 0
    finally:
        await engine.dispose()


def main() -> int:
    arguments = parse_arguments()
    try:
        listener, address = listen(arguments)
    except OSError as error:
        print(f"cannot listen: {error}", file=sys.stderr)
        return 1
    # Until the server sets its own handlers; newer versions raise the signal again after they have stopped.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: sys.exit(0))
    try:
        return asyncio.run(serve(arguments, listener, address))
    finally:
        if arguments.unix is not None:
            arguments.unix.unlink(missing_ok=True)


if __name__ == "__main__":
    sys.exit(main())
