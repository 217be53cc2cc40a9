"""IMAP URLs of messages here."""

import pytest
from hypothesis import given, strategies as st

from postroom.protocol.imap.fetch import WHOLE, Section
from postroom.protocol.imap.urls import BadUrl, MessageUrl, parse_url, quoted

FIELDS = Section((1,), "HEADER.FIELDS", ("date", "to"))


@pytest.mark.parametrize(
    ("url", "named"),
    [
        (b"/INBOX/;UID=20", MessageUrl("INBOX", None, 20)),
        (b"/inbox;uidvalidity=3/;uid=20", MessageUrl("INBOX", 3, 20)),
        (b"/a/b%20c%C3%A9/;UID=1", MessageUrl("a/b c\u00e9", None, 1)),
        (b";UID=7", MessageUrl(None, None, 7)),
        (b";UID=7/;SECTION=1.2", MessageUrl(None, None, 7, Section((1, 2)))),
        (b"/x/;UID=7/;section=1.mime", MessageUrl("x", None, 7, Section((1,), "MIME"))),
        (b"/x/;UID=7/;SECTION=HEADER", MessageUrl("x", None, 7, Section((), "HEADER"))),
        (
            b"/x/;UID=7/;SECTION=1.HEADER.FIELDS%20(Date%20To)",
            MessageUrl("x", None, 7, FIELDS),
        ),
        (b"/x/;UID=7/;PARTIAL=5", MessageUrl("x", None, 7, WHOLE, (5, None))),
        (
            b"/x;UIDVALIDITY=4294967295/;UID=7/;SECTION=TEXT/;PARTIAL=0.1024",
            MessageUrl("x", 4294967295, 7, Section((), "TEXT"), (0, 1024)),
        ),
        (b"/;UID=7/x/;UID=7", None),
        (b"/x;UID=7", None),
        (b"x/;UID=7", None),
        (b"//;UID=7", None),
        (b"/;UID=7", None),
        (b"/x/;UID=0", None),
        (b"/x/;UID=4294967296", None),
        (b"/x;UIDVALIDITY=3;UID=1", None),
        (b"/x;UIDVALIDITY=3/;UID=1/", None),
        (b"/x/;UID=7/;SECTION=", None),
        (b"/x/;UID=7/;SECTION=FOO", None),
        (b"/x/;UID=7/;SECTION=1;PARTIAL=1", None),
        (b"/x/;UID=7;PARTIAL=1", None),
        (b"/x/;UID=7/;PARTIAL=1.0", None),
        (b"/x/;UID=7/;SECTION=1%", None),
        (b"/x%0/;UID=7", None),
        (b"/x%00/;UID=7", None),
        (b"/x%FF/;UID=7", None),
        (b"/caf\xc3\xa9/;UID=7", None),
        (b"/a b/;UID=7", None),
        (b"/x?SUBJECT%20y/;UID=7", None),
        (b"imap://alice@demo.test/INBOX/;UID=7", None),
        (b"//demo.test/INBOX/;UID=7/", None),
        (b"", None),
        (b"/" + b"x" * 9000 + b"/;UID=7", None),
    ],
)
def test_urls(url: bytes, named: MessageUrl | None) -> None:
    if named is not None:
        assert parse_url(url) == named
        return
    with pytest.raises(BadUrl):
        parse_url(url)


@given(
    st.lists(
        st.sampled_from(
            [b"/", b"x", b";UID=", b";UIDVALIDITY=", b";SECTION=", b";PARTIAL=", b"1", b".", b"%41"]
        )
        | st.binary(max_size=3),
        max_size=12,
    ).map(b"".join)
)
def test_nothing_else_is_raised(url: bytes) -> None:
    try:
        assert parse_url(url).uid
    except BadUrl:
        pass


def test_as_a_response_code() -> None:
    assert quoted(b"/a]b\r\n\xff/;UID=1") == b"/a%5Db%0D%0A%FF/;UID=1"
    assert len(quoted(b"x" * 5000)) == 1000
