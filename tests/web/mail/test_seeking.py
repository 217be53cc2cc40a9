import datetime as dt

import pytest

from postroom.errors import Invalid
from postroom.protocol.imap.search import (
    ANSWERED,
    FLAGGED,
    SEEN,
    All,
    And,
    Flag,
    Header,
    Larger,
    Not,
    Or,
    Received,
    Smaller,
    Subject,
    Text,
)
from postroom.web.mail.seeking import sought


def test_words_and_where_to_look() -> None:
    assert sought("  ") == All()
    assert sought('from:ann "two words" is:unread') == And(
        (Header("from", "ann"), Text("two words"), Flag(SEEN, is_set=False))
    )
    assert sought('subject:"a b" to:carl is:FLAGGED has:files') == And(
        (
            Subject("a b"),
            Or(Header("to", "carl"), Header("cc", "carl")),
            Flag(FLAGGED),
            Header("content-type", "multipart/mixed"),
        )
    )


def test_what_is_no_word_of_ours_is_looked_for() -> None:
    assert sought("is:late http://x") == And((Text("is:late"), Text("http://x")))
    assert sought('"open') == And((Text("open"),))
    assert sought("from:") == And((Text("from:"),))


def test_days_sizes_and_what_must_not_be_there() -> None:
    assert sought("-from:ann -lunch before:2026-11-24 after:2026/01/02") == And(
        (
            Not(Header("from", "ann")),
            Not(Text("lunch")),
            Received("before", dt.date(2026, 11, 24)),
            Received("since", dt.date(2026, 1, 2)),
        )
    )
    assert sought("larger:5M smaller:10kb is:answered thread:<a@b>") == And(
        (
            Larger(5 << 20),
            Smaller(10 << 10),
            Flag(ANSWERED),
            Or(Header("message-id", "<a@b>"), Header("references", "<a@b>")),
        )
    )
    for query, words in (("before:soon", "no day"), ("larger:much", "no size")):
        with pytest.raises(Invalid, match=words):
            sought(query)


def test_a_search_has_an_end() -> None:
    for query in ("a " * 21, "a" * 501):
        with pytest.raises(Invalid):
            sought(query)
