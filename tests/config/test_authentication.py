"""What is done about origin without any setting."""

import msgspec
import pytest

from postroom.config.authentication import Authentication


def test_policies_of_others_are_honoured_and_forwarded_mail_is_taken() -> None:
    settings = Authentication()
    assert settings.verify
    assert (settings.dmarc, settings.author) == ("enforce", "refuse")
    assert (settings.no_author, settings.spf_fail) == ("note", "note")
    assert settings.trusted_sealers == ()


def test_words_that_are_not_known_are_refused() -> None:
    for text in ('{"dmarc": "off"}', '{"spf_fail": "enforce"}', '{"trust": []}'):
        with pytest.raises(msgspec.ValidationError):
            msgspec.json.decode(text, type=Authentication)
