"""The settings about the API."""

from postroom.config.api import Api


def test_it_is_served_and_bounded_by_default() -> None:
    assert Api().enabled
    assert Api().calls_per_minute == 1200
