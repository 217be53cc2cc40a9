from pathlib import Path

import pytest

from postroom.config.backup import Backup
from postroom.config.load import parse
from postroom.errors import ConfigurationError


def test_nothing_is_taken_unless_a_folder_is_named(tmp_path: Path) -> None:
    assert parse("", folder=tmp_path).backup == Backup(path=None, every=24, keep=7)
    config = parse('[backup]\npath = "safe"\nevery = 6', folder=tmp_path)
    assert config.backup.path == str(tmp_path / "safe")
    with pytest.raises(ConfigurationError, match=r"backup\.keep"):
        parse("[backup]\nkeep = 0")
