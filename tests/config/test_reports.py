"""What is done about reports without any setting."""

import msgspec
import pytest

from postroom.config.reports import Reports


def test_nobody_is_written_to_unasked() -> None:
    settings = Reports()
    assert not settings.send
    assert settings.receive
    assert (settings.organization, settings.sender) == ("", "")


def test_words_that_are_not_known_are_refused() -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(b'{"sends": true}', type=Reports)
