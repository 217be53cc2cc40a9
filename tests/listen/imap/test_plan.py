"""Plans: what follows from the items of a FETCH."""

from postroom.listen.imap.plan import plan
from postroom.protocol.imap.fetch import (
    HEADER,
    TEXT,
    WHOLE,
    Attribute,
    Binary,
    BinarySize,
    Content,
    Octets,
    Section,
)
from postroom.protocol.imap.modes import Modes

PEEK = Octets(WHOLE, b"BODY[]", peek=True)
READ = Octets(WHOLE, b"BODY[]")
LISTED = Octets(Section((), "HEADER.FIELDS", ("from",)), b"BODY[HEADER.FIELDS (From)]", peek=True)


def need(*contents: Content) -> frozenset[str]:
    return plan(contents, Modes()).need


def test_what_is_read_of_a_message() -> None:
    facts = (Attribute.ENVELOPE, Attribute.BODY, Attribute.SAVEDATE, Attribute.FLAGS)
    assert plan(facts, Modes()).need == {"envelope", "bodystructure", "saved"}
    assert need(Octets(HEADER, b"BODY[HEADER]")) == {"head"}
    assert need(LISTED, Octets(HEADER, b"BODY[HEADER]")) == {"head"}
    assert need(Octets(TEXT, b"BODY[TEXT]"), LISTED) == {"content", "head"}
    assert need(Octets(Section((1,), "HEADER"), b"BODY[1.HEADER]")) == {"content"}
    assert need(BinarySize((1,), b"BINARY.SIZE[1]")) == {"content"}


def test_a_list_by_fields_reads_no_header_blocks() -> None:
    made = plan((Attribute.UID, LISTED), Modes())
    assert made.fields == ("from",)
    assert made.need == frozenset()
    cut = Octets(LISTED.section, b"", (0, 10), peek=True)
    assert plan((cut,), Modes()).fields == ()


def test_what_lasts() -> None:
    assert plan((Attribute.UID, Attribute.SIZE, PEEK), Modes()).lasts
    for items in (
        (PEEK, Attribute.FLAGS),
        (PEEK, Attribute.MODSEQ),
        (PEEK, Attribute.PREVIEW),
        (PEEK, Attribute.PREVIEW_LAZY),
        (READ,),
        (PEEK, Binary((1,), b"")),
    ):
        assert not plan(items, Modes()).lasts
    assert plan((READ,), Modes()).marks_seen
    assert not plan((PEEK, BinarySize((1,), b"")), Modes()).marks_seen


def test_messages_that_become_seen_are_told_with_their_flags() -> None:
    assert plan((READ,), Modes()).flagged.attributes == (Attribute.FLAGS,)
    with_modseq = plan((Attribute.FLAGS, READ), Modes(condstore=True)).flagged.attributes
    assert with_modseq == (Attribute.FLAGS, Attribute.UID, Attribute.MODSEQ)
    uidonly = plan((READ,), Modes(condstore=True, uidonly=True)).flagged.attributes
    assert uidonly == (Attribute.FLAGS, Attribute.MODSEQ)


def test_a_plan_fits_its_items_and_modes_only() -> None:
    made = plan((Attribute.UID, PEEK), Modes())
    assert made.fits((Attribute.UID, PEEK), Modes(utf8=True))
    assert not made.fits((PEEK, Attribute.UID), Modes())
    assert not made.fits((Attribute.UID, PEEK), Modes(condstore=True))
    assert not made.fits((Attribute.UID, PEEK), Modes(uidonly=True))


def test_the_whole_message_alone() -> None:
    assert plan((Attribute.UID, PEEK), Modes()).whole == PEEK
    assert plan((PEEK, LISTED), Modes()).whole is None
    assert plan((Octets(WHOLE, b"", (0, 5), peek=True),), Modes()).whole is None
    assert plan((Octets(TEXT, b"BODY[TEXT]"),), Modes()).whole is None
    assert plan((BinarySize((1,), b"BINARY.SIZE[1]"),), Modes()).whole is None
    assert plan((Attribute.UID,), Modes()).whole is None
