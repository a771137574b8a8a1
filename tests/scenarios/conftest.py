import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

from harness import CLIENTS_USE_HTTP2, Origin  # noqa: E402

# For tests of what only HTTP/1 has: half-closed connections, Connection, Upgrade, the grammar of its messages.
HTTP_1 = "http_1"


def pytest_configure(config):
    config.addinivalue_line("markers", f"{HTTP_1}: has no counterpart in HTTP/2")


def pytest_runtest_setup(item):
    if CLIENTS_USE_HTTP2 and item.get_closest_marker(HTTP_1):
        pytest.skip("has no counterpart in HTTP/2")


@pytest.fixture
def origin():
    it = Origin()
    yield it
    it.close()
