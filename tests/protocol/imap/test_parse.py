"""Whole commands."""

import pytest
from hypothesis import given, strategies as st

from postroom.protocol.imap import commands as c
from postroom.protocol.imap.esearch import Returns
from postroom.protocol.imap.fetch import Attribute
from postroom.protocol.imap.parse import parse_arguments, split
from postroom.protocol.imap.search import Criteria, Flag
from postroom.protocol.imap.sets import SAVED, STAR
from postroom.protocol.imap.tokens import BadSyntax, Unusable

COMMANDS = [
    (b"a CAPABILITY", c.Capability()),
    (b"a noop", c.Noop()),
    (b"a LOGOUT", c.Logout()),
    (b"a STARTTLS", c.StartTls()),
    (b"a NAMESPACE", c.Namespace()),
    (b"a UNAUTHENTICATE", c.Unauthenticate()),
    (b"a COMPRESS deflate", c.Compress(b"DEFLATE")),
    (b"a LANGUAGE", c.Language()),
    (b'a LANGUAGE de "EN"', c.Language(("de", "EN"))),
    (b"a IDLE", c.Idle()),
    (b"a CHECK", c.Check()),
    (b"a CLOSE", c.Close()),
    (b"a UNSELECT", c.Unselect()),
    (b"a EXPUNGE", c.Expunge()),
    (b"a UID EXPUNGE 1:3", c.Expunge(((1, 3),))),
    (b"a ID NIL", c.Id()),
    (b'a ID ("name" "x" "v" NIL)', c.Id(((b"name", b"x"), (b"v", None)))),
    (b"a ID ()", c.Id()),
    (b"a LOGIN bob {3}\r\np w", c.Login(b"bob", b"p w")),
    (b'a LOGIN "\xc3\xa4" x', c.Login(b"\xc3\xa4", b"x")),
    (b"a AUTHENTICATE plain", c.Authenticate("PLAIN")),
    (b"a AUTHENTICATE PLAIN AGEAYg==", c.Authenticate("PLAIN", b"\x00a\x00b")),
    (b"a AUTHENTICATE PLAIN =", c.Authenticate("PLAIN", b"")),
    (b"a SELECT inbox", c.Select("INBOX")),
    (b'a EXAMINE "a b"', c.Examine("a b")),
    (b"a CREATE x/y", c.Create("x/y")),
    (b"a CREATE x (USE (\\drafts))", c.Create("x", ("\\Drafts",))),
    (b"a CREATE x (USE (\\drafts \\SENT \\Drafts))", c.Create("x", ("\\Drafts", "\\Sent"))),
    (b"a CREATE x (USE ())", c.Create("x")),
    (b"a DELETE x", c.Delete("x")),
    (b"a RENAME x &APw-", c.Rename("x", "ü")),
    (b"a SUBSCRIBE x", c.Subscribe("x")),
    (b"a UNSUBSCRIBE x", c.Unsubscribe("x")),
    (b'a LIST "" *', c.List("", ("*",))),
    (b'a LSUB "" *', c.Lsub("", "*")),
    (b"a STATUS x (messages UIDNEXT)", c.Status("x", (b"MESSAGES", b"UIDNEXT"))),
    (b"a ENABLE CONDSTORE x", c.Enable((b"CONDSTORE", b"X"))),
    (b"a SEARCH SEEN", c.Search(Criteria(Flag(1)), by_uid=False)),
    (b"a UID SEARCH SEEN", c.Search(Criteria(Flag(1)), by_uid=True)),
    (
        b"a SEARCH RETURN (MIN) SEEN",
        c.Search(Criteria(Flag(1)), by_uid=False, returns=Returns(minimum=True)),
    ),
    (b"a UID EXPUNGE $", c.Expunge(SAVED)),
    (b"a FETCH 1:* UID", c.Fetch(((1, STAR),), (Attribute.UID,), by_uid=False)),
    (b"a uid fetch 5 (FLAGS)", c.Fetch(((5, 5),), (Attribute.FLAGS,), by_uid=True)),
    (b"a STORE 1 FLAGS ()", c.Store(((1, 1),), "replace", 0, frozenset(), False, False)),
    (
        b"a UID STORE 1 -flags.silent \\Seen x",
        c.Store(((1, 1),), "remove", 1, frozenset(["x"]), True, True),
    ),
    (b"a COPY 1 x", c.Copy(((1, 1),), "x", by_uid=False)),
    (b"a UID COPY 1 x", c.Copy(((1, 1),), "x", by_uid=True)),
    (b"a MOVE 1 x", c.Move(((1, 1),), "x", by_uid=False)),
    (b"a UID MOVE 1 x", c.Move(((1, 1),), "x", by_uid=True)),
]


def parse(octets: bytes) -> c.Command:
    tag, name, reader = split(octets)
    assert tag
    return parse_arguments(name, reader)


@pytest.mark.parametrize(("octets", "command"), COMMANDS)
def test_reads(octets: bytes, command: c.Command) -> None:
    assert parse(octets) == command


@pytest.mark.parametrize(
    "octets",
    [
        b"a FOO",
        b"a FOO x",
        b"a ",
        b"a NOOP x",
        b"a NOOP ",
        b"a LOGIN",
        b"a LOGIN bob",
        b"a LOGIN bob ",
        b"a LOGIN bob pw x",
        b'a LOGIN bob "a\x00b"',
        b"a LOGIN bob {3}\r\na\x00b",
        b"a AUTHENTICATE",
        b"a AUTHENTICATE PLAIN !",
        b"a AUTHENTICATE PLAIN ",
        b"a AUTHENTICATE PLAIN A===",
        b"a SELECT",
        b"a SELECT a b",
        b"a CREATE x (USE (Drafts))",
        b"a CREATE x (USE (\\Drafts)",
        b"a CREATE x (FOO (\\Drafts))",
        b"a RENAME x",
        b"a STATUS x ()",
        b"a STATUS x (FOO)",
        b"a STATUS x MESSAGES",
        b"a ENABLE ",
        b"a ID x",
        b'a ID ("a")',
        b"a ID (" + b" ".join([b'"a" NIL'] * 31) + b")",
        b"a FETCH 0 UID",
        b"a FETCH 1",
        b"a FETCH x UID",
        b"a STORE 1 FLAGS",
        b"a STORE 1 *FLAGS ()",
        b"a STORE 1 FLAGS (\\Recent)",
        b"a UID",
        b"a UID NOOP",
        b"a UID EXPUNGE",
        b"a APPEND x {3}\r\nabc",
        b"a APPEND x",
    ],
)
def test_refuses(octets: bytes) -> None:
    with pytest.raises(BadSyntax):
        parse(octets)


@pytest.mark.parametrize(
    "octets", [b"", b" x", b"+ NOOP", b"a", b"a(b NOOP", b"x" * 70 + b" NOOP", b"\xff NOOP"]
)
def test_a_bad_tag_is_none(octets: bytes) -> None:
    assert split(octets)[0] == b""


@given(
    st.sampled_from([octets for octets, _ in COMMANDS]),
    st.lists(st.tuples(st.integers(0, 60), st.binary(max_size=3)), max_size=3),
)
def test_mutated_commands_read_or_fail_by_name(
    octets: bytes, cuts: list[tuple[int, bytes]]
) -> None:
    for at, patch in cuts:
        octets = octets[:at] + patch + octets[at + 1 :]
    _, name, reader = split(octets)
    try:
        parse_arguments(name, reader)
    except (BadSyntax, Unusable):
        pass
