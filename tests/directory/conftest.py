"""``town`` opens a fresh directory, once an engine."""

from pathlib import Path

import pytest

from tests.conftest import Opener
from tests.directory.town import Towns, towns


@pytest.fixture
def town(database: Opener, data: Path) -> Towns:
    return towns(database, data)
