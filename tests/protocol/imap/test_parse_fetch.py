"""FETCH items."""

import pytest
from hypothesis import given, strategies as st

from postroom.protocol.imap.fetch import HEADER, TEXT, WHOLE, Attribute, FetchItem, Octets, Section
from postroom.protocol.imap.parse_fetch import parse_fetch_items
from postroom.protocol.imap.tokens import BadSyntax, Reader

A = Attribute
FIELDS = Section(piece="HEADER.FIELDS", fields=("subject", "from"))


@pytest.mark.parametrize(
    ("text", "items"),
    [
        (b"FAST", (A.FLAGS, A.INTERNALDATE, A.SIZE)),
        (b"all", (A.FLAGS, A.INTERNALDATE, A.SIZE, A.ENVELOPE)),
        (b"FULL", (A.FLAGS, A.INTERNALDATE, A.SIZE, A.ENVELOPE, A.BODY)),
        (b"BODY", (A.BODY,)),
        (b"(uid flags UID)", (A.UID, A.FLAGS)),
        (b"BODY[]", (Octets(WHOLE, b"BODY[]"),)),
        (b"body.peek[]<0.10>", (Octets(WHOLE, b"BODY[]<0>", (0, 10), True),)),
        (b"BODY[TEXT]", (Octets(TEXT, b"BODY[TEXT]"),)),
        (b"BODY[1]", (Octets(Section((1,)), b"BODY[1]"),)),
        (b"BODY[1.2.mime]", (Octets(Section((1, 2), "MIME"), b"BODY[1.2.MIME]"),)),
        (b"BODY[3.HEADER]", (Octets(Section((3,), "HEADER"), b"BODY[3.HEADER]"),)),
        (
            b'BODY[HEADER.FIELDS (Subject "From")]',
            (Octets(FIELDS, b"BODY[HEADER.FIELDS (Subject From)]"),),
        ),
        (
            b"BODY.PEEK[1.HEADER.FIELDS.NOT ({2}\r\nTo)]<5.7>",
            (
                Octets(
                    Section((1,), "HEADER.FIELDS.NOT", ("to",)),
                    b"BODY[1.HEADER.FIELDS.NOT (To)]<5>",
                    (5, 7),
                    True,
                ),
            ),
        ),
        (
            b'BODY[HEADER.FIELDS ("a\\"b")]',
            (Octets(Section((), "HEADER.FIELDS", ('a"b',)), b'BODY[HEADER.FIELDS ("a\\"b")]'),),
        ),
        (b"RFC822", (Octets(WHOLE, b"RFC822"),)),
        (b"RFC822.HEADER", (Octets(HEADER, b"RFC822.HEADER", None, True),)),
        (b"RFC822.TEXT", (Octets(TEXT, b"RFC822.TEXT"),)),
        (b"(RFC822.SIZE BODYSTRUCTURE)", (A.SIZE, A.BODYSTRUCTURE)),
        (b"preview (lazy)", (A.PREVIEW_LAZY,)),
        (b"(PREVIEW (LAZY) UID PREVIEW)", (A.PREVIEW_LAZY, A.UID, A.PREVIEW)),
    ],
)
def test_reads(text: bytes, items: tuple[FetchItem, ...]) -> None:
    reader = Reader(text)
    assert parse_fetch_items(reader) == items
    assert reader.at_end


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"()",
        b"(FAST)",
        b"( UID)",
        b"(UID ",
        b"FOO",
        b"FLAGS[]",
        b"(PREVIEW (EAGER))",
        b"(PREVIEW (LAZY)",
        b"(PREVIEW ())",
        b"BODY[",
        b"BODY[0]",
        b"BODY[1.]",
        b"BODY[.1]",
        b"BODY[1..2]",
        b"BODY[MIME]",
        b"BODY[FOO]",
        b"BODY[HEADER.FIELDS]",
        b"BODY[HEADER.FIELDS ()]",
        b"BODY[HEADER.FIELDS (a:b)]",
        b'BODY[HEADER.FIELDS ("a b")]',
        b"BODY[HEADER.FIELDS ({3}\r\na\r\n)]",
        b"BODY[]<0.0>",
        b"BODY[]<0>",
        b"BODY[]<1.99999999999999999999>",
        b"BODY[" + b"1." * 101 + b"1]",
        b"(" + b" ".join(b"BODY[%d]" % n for n in range(1, 300)) + b")",
        b"BODY[HEADER.FIELDS (" + b"x " * 300 + b"x)]",
    ],
)
def test_refuses(text: bytes) -> None:
    with pytest.raises(BadSyntax):
        parse_fetch_items(Reader(text))


@given(
    st.text("()<>[].0123 BODYPEKHADRFILSTXU", max_size=40).map(str.encode) | st.binary(max_size=30)
)
def test_any_octets(octets: bytes) -> None:
    try:
        assert parse_fetch_items(Reader(octets))
    except BadSyntax:
        pass
