"""The house's walls: which room may include which (the map in proxy/README.md)."""

import pathlib
import re

import pytest

PROXY = pathlib.Path(__file__).resolve().parents[2] / "proxy"

# Each room, and the rooms whose headers it may include beside its own.
MAY_INCLUDE = {
    "http": set(),
    "settings": {"http"},
    "policy": {"http", "settings"},
    "store": {"http", "settings", "policy"},
    "persist": {"http", "settings", "policy", "store"},
    "lean": {"http", "settings"},
    "loop": {"http", "policy"},
    "upstream": {"http", "settings", "policy", "loop"},
    "fill": {"http", "settings", "policy", "store", "lean", "loop", "upstream"},
    "server": {"http", "settings", "policy", "store", "persist", "lean", "loop", "upstream", "fill"},
    "admin": {"http", "settings", "policy", "store", "persist", "lean", "loop", "upstream", "fill", "server"},
}
# Rooms that know no I/O, and the library headers that would bring it in.
PURE = {"http", "policy", "store", "lean", "settings"}
INPUT_OUTPUT = re.compile(r"<(boost/asio|boost/beast/core|sys/socket\.h|unistd\.h|sys/epoll\.h)")
# Of Beast, the protocol's vocabulary and the parser are http's business; other rooms go through http.
BEAST = re.compile(r"<boost/beast/")
CLOCK = re.compile(r"\b(system_clock|steady_clock)::now\s*\(")
TIMELESS = {"http", "policy", "lean", "store"}

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"][^>"]+[>"])', re.MULTILINE)


def complaints(room: str, text: str) -> list[str]:
    """What is wrong with a file of that room."""
    found = []
    for include in INCLUDE.findall(text):
        if include.startswith('"'):
            other = include.strip('"').split("/")[0]
            if other != room and other not in MAY_INCLUDE[room]:
                found.append(f"{room} must not include {include}")
        elif room in PURE and INPUT_OUTPUT.match(include):
            found.append(f"{room} knows no I/O and must not include {include}")
        elif room in PURE - {"http"} and BEAST.match(include):
            found.append(f"{room} goes through http and must not include {include}")
    if room in TIMELESS and CLOCK.search(text):
        found.append(f"{room} reads a clock; `now` is an argument there")
    return found


def sources():
    return sorted(path for path in PROXY.glob("*/*") if path.suffix in {".hpp", ".cpp"})


@pytest.mark.parametrize("path", sources(), ids=lambda path: str(path.relative_to(PROXY)))
def test_a_file_includes_only_what_its_room_may(path):
    assert complaints(path.parent.name, path.read_text()) == []


def test_every_room_is_on_the_map():
    rooms = {path.parent.name for path in sources()}
    assert rooms <= set(MAY_INCLUDE), "a new room needs a row in this table and a line in proxy/README.md"
    text = (PROXY / "README.md").read_text()
    for room in rooms:
        assert f"{room}/" in text, f"proxy/README.md does not show {room}/"


@pytest.mark.parametrize(
    "room, line",
    [
        ("policy", "#include <boost/asio/ip/tcp.hpp>"),
        ("lean", "#include <boost/beast/core/error.hpp>"),
        ("store", "#include <boost/beast/http/field.hpp>"),
        ("http", "#  include <boost/asio.hpp>"),
        ("settings", '#include "policy/time.hpp"'),
        ("policy", '#include "store/store.hpp"'),
        ("upstream", '#include "fill/fill.hpp"'),
        ("policy", "auto now = std::chrono::steady_clock::now();"),
    ],
)
def test_the_walls_would_be_seen_to_fall(room, line):
    assert complaints(room, line) != []


def test_what_is_allowed_passes():
    assert complaints("http", "#include <boost/beast/http/basic_parser.hpp>") == []
    assert complaints("server", '#include "fill/fetch.hpp"\n#include <boost/asio/co_spawn.hpp>') == []
