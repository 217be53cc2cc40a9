from postroom.protocol.smtp import modes
from postroom.protocol.smtp.modes import Mode


def test_the_short_names_are_the_modes() -> None:
    short = {name for name in vars(modes) if name.isupper()}
    assert short == {"COMMAND", "ANSWER", "CONTENT", "CHALLENGE", "CLOSED"}
    assert all(vars(modes)[name] is Mode[name] for name in short)
