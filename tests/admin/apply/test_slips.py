"""Slips of a file, as they are told."""

import msgspec
import pytest

from postroom.admin.apply.items import Manifest
from postroom.admin.apply.slips import in_words


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"quota": "8G"}, 'a whole number is wanted, not a text in quotes ("..")'),
        ({"name": 3}, 'a text in quotes ("..") is wanted, not a whole number'),
        ({"addresses": "a@b.test"}, 'a list ([..]) is wanted, not a text in quotes ("..")'),
        ({"qouta": 1}, "unknown field `qouta`; what there is: docs/apply-example.toml"),
    ],
)
def test_what_msgspec_finds_is_told_in_plain_words(given: dict[str, object], told: str) -> None:
    with pytest.raises(msgspec.ValidationError) as caught:
        msgspec.convert({"account": [{"address": "a@b.test", **given}]}, Manifest)
    said = in_words(str(caught.value).partition(" - at ")[0])
    assert said.startswith(told)


def test_what_is_missing_is_named() -> None:
    with pytest.raises(msgspec.ValidationError) as caught:
        msgspec.convert({"account": [{}]}, Manifest)
    assert in_words(str(caught.value).partition(" - at ")[0]) == "`address` is missing"


def test_what_else_it_says_stays() -> None:
    assert in_words("Expected `int` >= 0") == "Expected `int` >= 0"
    assert in_words("Expected `null`, got `int`") == "null is wanted, not a whole number"
