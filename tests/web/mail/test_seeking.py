import pytest

from postroom.errors import Invalid
from postroom.protocol.imap.search import FLAGGED, SEEN, All, And, Flag, Header, Or, Subject, Text
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


def test_a_search_has_an_end() -> None:
    for query in ("a " * 21, "a" * 501):
        with pytest.raises(Invalid):
            sought(query)
