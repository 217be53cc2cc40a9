import pytest

from postroom.protocol.smtp import replies
from postroom.protocol.smtp.faults import BadArguments, BadCommand, UnknownVerb


@pytest.mark.parametrize(
    ("verb", "code", "is_fatal"),
    [("XYZ", 500, False), ("ETRN", 502, False), ("GET", 554, True), ("", 500, False)],
)
def test_unknown_verbs(verb: str, code: int, is_fatal: bool) -> None:
    fault = UnknownVerb(verb)
    assert (fault.reply.code, fault.last is not None, fault.verb) == (code, is_fatal, verb)


def test_both_are_bad_commands() -> None:
    assert issubclass(BadArguments, BadCommand)
    assert issubclass(UnknownVerb, BadCommand)
    assert str(BadArguments(replies.NOT_UTF8)) == "The argument is not UTF-8"
