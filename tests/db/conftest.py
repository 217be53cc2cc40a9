"""A file for a database of SQLite, before anything is in it."""

from pathlib import Path

import pytest


@pytest.fixture
def path(data: Path) -> Path:
    file = data / "db"
    file.touch()
    return file
