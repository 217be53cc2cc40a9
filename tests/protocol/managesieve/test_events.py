from postroom.protocol.managesieve.events import Rejected, Response


def test_events_are_values() -> None:
    assert Rejected(1) == Rejected(1) != Rejected(2)


def test_a_response_is_never_shown() -> None:
    assert "secret" not in repr(Response(b"\0alice\0secret"))
