from typing import get_args

from postroom.protocol.smtp.events import ASKED, Asked, Content, EndOfContent, Response


def test_the_tuple_and_the_type_are_the_same() -> None:
    assert set(ASKED) == set(get_args(Asked))


def test_a_response_does_not_show() -> None:
    assert repr(Response(b"secret")) == "Response()"


def test_events_are_values() -> None:
    assert Content(b"a") == Content(b"a")
    assert EndOfContent() == EndOfContent(None) != EndOfContent("nul")
