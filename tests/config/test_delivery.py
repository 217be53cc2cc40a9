"""What is done with messages for others without any setting."""

import msgspec
import pytest

from postroom.config.delivery import Delivery


def test_messages_are_tried_for_days_and_private_addresses_are_not() -> None:
    settings = Delivery()
    assert settings.give_up_hours >= 96  # RFC 5321 §4.5.4.1: at least 4-5 days
    assert 60 * settings.give_up_hours > settings.longest_retry_minutes
    assert settings.allow_private == ()
    assert not settings.capture


def test_words_that_are_not_known_are_refused() -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode('{"retry": 1}', type=Delivery)
