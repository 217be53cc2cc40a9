import datetime as dt

import msgspec
import pytest

from postroom.errors import Invalid
from postroom.message.compose import Attachment, Person
from postroom.web.mail.contacts import Contact
from postroom.web.mail.reader import File, Message
from postroom.web.mail.writing import (
    MAX_IDS,
    Writing,
    answer,
    composed,
    draft_of,
    people,
    recipients,
    way_of,
)

ANN, BOB, CARL = (
    Contact("ann@x.test", "Ann"),
    Contact("Bob@demo.test"),
    Contact("carl@x.test", 'C "C"'),
)
OWN = ["bob@demo.test", "sales@demo.test"]
AT = dt.datetime(2026, 6, 1, 10, tzinfo=dt.UTC)
GOT = Message(
    uid=7, subject="Plans", author=(ANN,), to=(BOB,), cc=(CARL, ANN), bcc=(), reply_to=(), sent=AT,
    received=AT, size=1, flags=0, message_id="<m@x>", in_reply_to="<l@x>", references="<k@x> <l@x>",
    proven="", why=(), unsubscribe="", leaves_at_once=False, text="Hi\n> you\n", is_cut=False, is_html_cut=False, has_html=False, wants_others=False,
    files=(File("2", "a.pdf", "application/pdf", 5),), newer=0, older=0,
)  # fmt: skip


def got(**change: object) -> Message:
    return msgspec.structs.replace(GOT, **change)


def test_an_answer_goes_to_the_author_or_to_all_but_oneself() -> None:
    one = answer(GOT, "author", "INBOX", OWN)
    assert (one.to, one.cc, one.subject) == ("Ann <ann@x.test>", "", "Re: Plans")
    assert (one.in_reply_to, one.references) == ("<m@x>", "<k@x> <l@x> <m@x>")
    assert one.text == "\n\nOn 2026-06-01 10:00 (UTC) Ann wrote:\n> Hi\n>> you\n"
    assert (one.sender, one.uid, one.files) == ("bob@demo.test", 7, ())
    every = answer(GOT, "all", "INBOX", OWN)
    assert (every.to, every.cc) == ("Ann <ann@x.test>", '"C \\"C\\"" <carl@x.test>')


def test_reply_to_counts_and_an_answer_to_oneself_goes_on_to_the_others() -> None:
    assert answer(got(reply_to=(CARL,)), "author", "", OWN).to == '"C \\"C\\"" <carl@x.test>'
    assert answer(got(author=(BOB,), to=(ANN,)), "author", "", OWN).to == "Ann <ann@x.test>"
    assert answer(got(author=()), "author", "", OWN).to == ""


def test_subjects_are_marked_once() -> None:
    assert answer(got(subject="RE: x"), "author", "", OWN).subject == "RE: x"
    assert answer(got(subject="Fw: x"), "others", "", OWN).subject == "Fw: x"


def test_what_is_forwarded_says_whose_it_was() -> None:
    one = answer(GOT, "others", "INBOX", OWN)
    assert one.text.startswith(
        "\n\n---------- Forwarded message ----------\nFrom: Ann <ann@x.test>\n"
    )
    assert (one.to, one.in_reply_to, one.files) == ("", "", GOT.files)


def test_a_long_thread_keeps_its_beginning() -> None:
    ids = [f"<{number}@x>" for number in range(50)]
    kept = answer(got(references=" ".join(ids)), "author", "", OWN).references.split()
    assert len(kept) == MAX_IDS
    assert (kept[0], kept[-1]) == ("<0@x>", "<m@x>")


def test_a_draft_is_what_it_was() -> None:
    one = draft_of(got(references="<l@x>", bcc=(CARL,)), "Drafts")
    assert (one.to, one.in_reply_to, one.references) == ("Bob@demo.test", "<l@x>", "")
    assert (one.way, one.box, one.uid, one.files) == ("draft", "Drafts", 7, GOT.files)
    assert one.bcc


def test_a_draft_that_the_form_would_cut_is_left_alone() -> None:
    with pytest.raises(Invalid, match="longer than the form takes"):
        draft_of(got(is_cut=True), "Drafts")


def test_addresses_as_they_are_typed() -> None:
    assert people("Ann <ann@x.test>; carl@x.test,\r\n", "To") == [
        Person("ann@x.test", "Ann"), Person("carl@x.test"),
    ]  # fmt: skip
    for text in ("ann", "a@b@c", "Ann <>"):
        with pytest.raises(Invalid, match="Cc"):
            people(text, "Cc")
    with pytest.raises(Invalid, match="room"):
        people(",".join(f"a{number}@x.test" for number in range(1_000)), "To")


def test_each_recipient_once_and_never_none() -> None:
    found = recipients(Writing(to="a@x.test", cc="A <a@x.test>", bcc="b@x.test"))
    assert [str(one) for one in found] == ["a@x.test", "b@x.test"]
    with pytest.raises(Invalid, match="no recipient"):
        recipients(Writing(to=" , "))


def test_no_field_ends_another() -> None:
    octets = composed(
        Writing(to="a@x.test", subject="x\r\nBcc: evil@x.test", references="<a>\r\nX: y", text="t"),
        Person("bob@demo.test", "Bob\r\nX: y"),
        date="Mon, 1 Jun 2026 10:00:00 +0000", message_id="1@x",
        files=[Attachment("a", b"x")],
    )  # fmt: skip
    head = octets.partition(b"\r\n\r\n")[0]
    assert b"\r\nBcc:" not in head
    assert b"\r\nX:" not in head


def test_ways_are_three() -> None:
    assert [way_of(text) for text in ("author", "all", "others", "draft", "x")] == [
        "author", "all", "others", "", "",
    ]  # fmt: skip
