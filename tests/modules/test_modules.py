"""Which module may include which (the map in proxy/README.md)."""

import pathlib
import re

import pytest

PROXY = pathlib.Path(__file__).resolve().parents[2] / "proxy"

# Each module, and the modules whose headers it may include besides its own.
MAY_INCLUDE = {
    "http": set(),
    "settings": {"http"},
    "policy": {"http", "settings"},
    "store": {"http", "settings", "policy"},
    "tiers": {"http", "settings", "policy", "store"},
    "projection": {"http", "settings"},
    "coding": {"http", "settings"},
    "net": {"http", "policy"},
    "upstream": {"http", "settings", "policy", "net"},
    "cache": {"http", "settings", "policy", "store", "tiers", "projection", "coding", "net", "upstream"},
    "server": {"http", "settings", "policy", "store", "tiers", "projection", "coding", "net", "upstream", "cache"},
    "admin": {"http", "settings", "policy", "store", "tiers", "projection", "coding", "net", "upstream", "cache", "server"},
}
# Modules without I/O, and the library headers that would bring it in.
PURE = {"http", "policy", "store", "projection", "coding", "settings"}
INPUT_OUTPUT = re.compile(r"<(boost/asio|boost/beast/core|sys/socket\.h|unistd\.h|sys/epoll\.h)")
# What a cache does is callable without a socket: its waits, timers and threads come from net.
WITHOUT_ASIO = {"cache"}
ASIO = re.compile(r"<boost/asio")
# Only http uses Beast, for its field names and its parser; the other modules use http.
BEAST = re.compile(r"<boost/beast/")
CLOCK = re.compile(r"\b(system_clock|steady_clock)::now\s*\(")
TIMELESS = {"http", "policy", "projection", "coding", "store"}

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"][^>"]+[>"])', re.MULTILINE)


def complaints(module: str, text: str) -> list[str]:
    """What is wrong with a file of that module."""
    found = []
    for include in INCLUDE.findall(text):
        if include.startswith('"'):
            other = include.strip('"').split("/")[0]
            if other != module and other not in MAY_INCLUDE[module]:
                found.append(f"{module} must not include {include}")
        elif module in PURE and INPUT_OUTPUT.match(include):
            found.append(f"{module} does no I/O and must not include {include}")
        elif module in WITHOUT_ASIO and ASIO.match(include):
            found.append(f"{module} uses net instead and must not include {include}")
        elif module in PURE - {"http"} and BEAST.match(include):
            found.append(f"{module} uses http instead and must not include {include}")
    if module in TIMELESS and CLOCK.search(text):
        found.append(f"{module} reads a clock; `now` is an argument there")
    return found


def sources():
    return sorted(path for path in PROXY.glob("*/*") if path.suffix in {".hpp", ".cpp"})


@pytest.mark.parametrize("path", sources(), ids=lambda path: str(path.relative_to(PROXY)))
def test_a_file_includes_only_what_its_module_may(path):
    assert complaints(path.parent.name, path.read_text()) == []


def test_every_module_is_on_the_map():
    modules = {path.parent.name for path in sources()}
    assert modules <= set(MAY_INCLUDE), "a new module needs a row in this table and a line in proxy/README.md"
    text = (PROXY / "README.md").read_text()
    for module in modules:
        assert f"{module}/" in text, f"proxy/README.md does not show {module}/"


@pytest.mark.parametrize(
    "module, line",
    [
        ("policy", "#include <boost/asio/ip/tcp.hpp>"),
        ("projection", "#include <boost/beast/core/error.hpp>"),
        ("store", "#include <boost/beast/http/field.hpp>"),
        ("http", "#  include <boost/asio.hpp>"),
        ("settings", '#include "policy/time.hpp"'),
        ("policy", '#include "store/store.hpp"'),
        ("cache", "#include <boost/asio/post.hpp>"),
        ("upstream", '#include "cache/fill.hpp"'),
        ("policy", "auto now = std::chrono::steady_clock::now();"),
    ],
)
def test_a_violation_is_found(module, line):
    assert complaints(module, line) != []


def test_what_is_allowed_passes():
    assert complaints("http", "#include <boost/beast/http/basic_parser.hpp>") == []
    assert complaints("server", '#include "cache/fetch.hpp"\n#include <boost/asio/co_spawn.hpp>') == []
