import pytest

from postroom.protocol.smtp.settings import Settings


def test_strangers_get_little_by_default() -> None:
    settings = Settings(hostname="mx.test")
    assert (settings.auth, settings.offers_tls, settings.requires_login) == ("never", False, False)
    assert (settings.soft_errors, settings.hard_errors) == (10, 20)


def test_settings_do_not_change() -> None:
    with pytest.raises(AttributeError):
        Settings(hostname="mx.test").hostname = "x"  # type: ignore[misc]
