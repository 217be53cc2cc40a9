from postroom.protocol.pop3.events import Login, Retrieve


def test_events_are_values() -> None:
    assert Retrieve(0) == Retrieve(0) != Retrieve(1)
    assert len({Login("a", "b"), Login("a", "b")}) == 1
