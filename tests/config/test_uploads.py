from pathlib import Path

import pytest

from postroom.config.load import parse
from postroom.config.uploads import Uploads
from postroom.errors import ConfigurationError


def test_the_largest_upload_may_be_chosen(tmp_path: Path) -> None:
    assert parse("", folder=tmp_path).uploads == Uploads(max_size=4 << 30)
    assert parse("[uploads]\nmax_size = 0", folder=tmp_path).uploads.max_size == 0
    with pytest.raises(ConfigurationError, match=r"uploads\.max_size"):
        parse("[uploads]\nmax_size = -1", folder=tmp_path)
