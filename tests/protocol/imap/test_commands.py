"""Commands as values."""

from postroom.protocol.imap import commands as c


def concrete() -> list[type[c.Command]]:
    groups = (c.Always, c.WhenUnauthenticated, c.WhenAuthenticated, c.WhenSelected)
    return [command for group in groups for command in group.__subclasses__()]


def test_every_command_belongs_to_one_group() -> None:
    assert len(concrete()) == len(set(concrete())) > 30
    assert c.Login in c.WhenUnauthenticated.__subclasses__()
    assert c.Store in c.WhenSelected.__subclasses__()


def test_commands_are_values() -> None:
    assert len({c.Select("a"), c.Select("a"), c.Examine("a")}) == 2
