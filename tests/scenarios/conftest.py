import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

from harness import Origin  # noqa: E402


@pytest.fixture
def origin():
    it = Origin()
    yield it
    it.close()
