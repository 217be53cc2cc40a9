from postroom.protocol.smtp import commands
from postroom.protocol.smtp.commands import Auth, Command, Mail, Noop


def test_every_command_has_its_verb() -> None:
    kinds = Command.__subclasses__()
    assert len(kinds) == 17
    assert {kind.verb for kind in kinds} == {kind.__name__.upper() for kind in kinds}
    assert all(getattr(commands, kind.__name__) is kind for kind in kinds)


def test_commands_are_values() -> None:
    assert Mail(None) == Mail(None) != Mail(None, size=1)
    assert len({Noop(), Noop()}) == 1


def test_a_password_does_not_show() -> None:
    assert repr(Auth("PLAIN", b"\0alice\0secret")) == "Auth('PLAIN')"
