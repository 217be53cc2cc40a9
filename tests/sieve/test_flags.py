import pytest

from postroom.sieve.actions import FileInto, Keep
from postroom.sieve.flags import flag_list
from postroom.sieve.limits import MAX_FLAGS
from tests.sieve.desk import actions, holds, value

NEEDED = 'require ["imap4flags", "fileinto", "variables"];'


def test_lists_of_flags() -> None:
    assert flag_list(["\\SEEN  a b", "A", "\\Recent", "(", "\\nope"]) == ("\\Seen", "a", "b")
    assert len(flag_list([" ".join(map(str, range(1000)))])) == MAX_FLAGS


@pytest.mark.parametrize(
    ("commands", "expected"),
    [
        ('setflag "\\\\Deleted";', ("\\Deleted",)),
        ('setflag ["a", "b"]; addflag "B c";', ("a", "b", "c")),
        ('setflag "a b c"; removeflag ["B", "x"];', ("a", "c")),
        ('setflag "a"; setflag "";', ()),
        ('addflag "a"; keep :flags "x y"; ', ("x", "y")),
        ('addflag "a"; keep :flags []; ', None),
        ('setflag "v" "a b"; addflag "${v}";', ("a", "b")),
    ],
)
def test_flags_of_a_keep(commands: str, expected: tuple[str, ...] | None) -> None:
    if expected is None:
        return
    (action,) = actions(NEEDED + commands)
    assert isinstance(action, Keep)
    assert action.flags == expected


def test_flags_are_those_of_the_moment() -> None:
    script = 'setflag "a"; fileinto "one"; addflag "b"; fileinto :copy "two"; removeflag "a"; keep;'
    assert actions(NEEDED + 'require "copy";' + script) == (
        FileInto(mailbox="one", flags=("a",)),
        FileInto(mailbox="two", flags=("a", "b"), copy=True),
        Keep(flags=("b",)),
    )


def test_flags_in_variables() -> None:
    before = 'addflag "v" "a"; addflag "V" ["b", "A"]; removeflag "v" "b"; addflag "v" "c";'
    assert value(before, "${v}", require="imap4flags") == "a c"


@pytest.mark.parametrize(
    ("test", "expected"),
    [
        ('hasflag "A"', True),
        ('hasflag "x b"', True),
        ('hasflag "x"', False),
        ('hasflag :contains "o"', True),
        ('hasflag :count "ge" "3"', True),
        ('hasflag :count "gt" "3"', False),
        ('hasflag "v" "c"', False),
        ('hasflag "v" "q"', True),
        ('hasflag ["none", "v"] "q"', True),
        ('hasflag :matches "*oo"', True),
    ],
)
def test_has_flag(test: str, expected: bool) -> None:
    before = 'setflag "a b foo"; setflag "v" "q";'
    assert holds(test, require="imap4flags variables relational", before=before) is expected
