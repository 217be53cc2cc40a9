import base64

import msgspec
from hypothesis import given, strategies as st

from postroom.web import handover
from postroom.web.handover import LIFE_MS

KEY, NOW = b"k" * 32, 1_800_000_000_000


class One(msgspec.Struct, frozen=True):
    number: int
    text: str


class Other(msgspec.Struct, frozen=True):
    number: int
    text: str


def test_what_is_given_comes_back_for_five_minutes() -> None:
    text = handover.give(KEY, One(7, "ä"), NOW)
    assert b"\xc3\xa4" not in base64.urlsafe_b64decode(text)
    assert handover.take(KEY, text, One, NOW) == One(7, "ä")
    assert handover.take(KEY, text, One, NOW + LIFE_MS) == One(7, "ä")
    assert handover.take(KEY, text, One, NOW + LIFE_MS + 1) is None
    assert handover.take(KEY, text, One, NOW - 1) is None


def test_nothing_else_is_taken() -> None:
    text = handover.give(KEY, One(7, "x"), NOW)
    assert handover.take(KEY, text, Other, NOW) is None
    assert handover.take(b"o" * 32, text, One, NOW) is None
    for place in range(0, len(text), 5):
        changed = text[:place] + ("A" if text[place] != "A" else "B") + text[place + 1 :]
        assert handover.take(KEY, changed, One, NOW) is None
    assert handover.take(KEY, "A" * 5_000, One, NOW) is None


@given(st.text(max_size=80))
def test_whatever_comes_back_is_no_error(text: str) -> None:
    assert handover.take(KEY, text, One, NOW) is None
