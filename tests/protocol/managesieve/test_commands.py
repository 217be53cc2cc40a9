from postroom.protocol.managesieve.commands import Authenticate, HaveSpace, Plain


def test_commands_are_values() -> None:
    assert HaveSpace("a", 1) == HaveSpace("a", 1) != HaveSpace("a", 2)
    assert len({Plain("LOGOUT"), Plain("LOGOUT")}) == 1


def test_a_response_is_never_shown() -> None:
    assert "secret" not in repr(Authenticate("PLAIN", b"\0alice\0secret"))
