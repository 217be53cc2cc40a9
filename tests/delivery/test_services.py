"""The limits, and that what is shared can't be exchanged by whoever holds it."""

import dataclasses

import pytest

from postroom.delivery.schedule import Schedule
from postroom.delivery.services import Rules, Services


def test_without_settings_the_limits_are_those_that_servers_grant() -> None:
    rules = Rules(Schedule())
    assert rules.max_recipients == 100  # RFC 5321 §4.5.3.1.8: at least so many are taken
    assert rules.max_messages == 100
    assert 0 < rules.most_per_destination <= rules.places
    assert rules.is_alone


def test_they_are_fixed() -> None:
    rules = Rules(Schedule())
    with pytest.raises(dataclasses.FrozenInstanceError):
        rules.places = 1  # type: ignore[misc]
    assert not hasattr(rules, "__dict__")


def test_couriers_find_every_part_by_its_name() -> None:
    assert [field.name for field in dataclasses.fields(Services)] == [
        "db",
        "contents",
        "router",
        "connector",
        "pool",
        "slots",
        "reporter",
        "gathering",
        "local",
        "troubles",
        "clock",
        "chance",
        "rules",
    ]
