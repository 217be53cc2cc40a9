"""Emails from properties: what is added, what is refused, keywords and mailboxes."""

from typing import Any

import pytest

from postroom.message import headers
from postroom.store import flags as flag_words
from postroom.web.jmap.drafting import Drafted, drafted, keywords, labels, mailbox_ids, placing
from postroom.web.jmap.errors import SetError

NOW = 1_798_761_600_000
BODY = {"textBody": [{"partId": "t"}], "bodyValues": {"t": {"value": "hello"}}}


def made(properties: dict[str, Any]) -> bytes:
    found: Drafted = drafted(properties, now=NOW, message_id="new@mx.test")
    assert not found.blob_ids
    return b"".join([one for one in found.pieces(lambda: "b") if isinstance(one, bytes)])


def refused(properties: dict[str, Any]) -> SetError:
    with pytest.raises(SetError) as error:
        made(properties)
    return error.value


def test_what_is_missing_is_added_once() -> None:
    octets = made({"subject": "Hi", **BODY})
    assert octets.startswith(
        b"Subject: Hi\r\nDate: Fri, 1 Jan 2027 00:00:00 +0000\r\nMessage-ID: <new@mx.test>\r\n"
        b"MIME-Version: 1.0\r\nContent-Type: text/plain; charset=us-ascii\r\n"
    )
    assert octets.endswith(b"\r\n\r\nhello\r\n")
    own = made({"sentAt": "2026-12-24T18:00:00Z", "messageId": ["own@b"], **BODY})
    assert headers.values(own, b"date") == [b"Thu, 24 Dec 2026 18:00:00 +0000"]
    assert headers.values(own, b"message-id") == [b"<own@b>"]
    root = {"partId": "t", "header:Message-ID": " <own@b>", "header:MIME-Version": " 1.0"}
    whole = made({"bodyStructure": root, "bodyValues": BODY["bodyValues"]})
    assert headers.values(whole, b"message-id") == [b"<own@b>"]
    assert headers.values(whole, b"mime-version") == [b"1.0"]


@pytest.mark.parametrize(
    "name",
    [
        *("id", "blobId", "threadId", "size", "preview", "hasAttachment", "headers", "other"),
        *("header:Content-Type", "header:content-id:asText", "from_"),
    ],
)
def test_what_can_not_be_set(name: str) -> None:
    error = refused({name: None, **BODY})
    assert (error.kind, error.extra["properties"]) == ("invalidProperties", [name])


def test_a_field_is_set_of_the_message_or_of_its_root() -> None:
    root = {"partId": "t", "header:Subject": " b"}
    error = refused({"subject": "a", "bodyStructure": root, "bodyValues": BODY["bodyValues"]})
    assert error.extra["properties"] == ["header:Subject"]


def test_keywords() -> None:
    found = keywords({"$Seen": True, "$draft": True, "Work": True, "$forwarded": True})
    assert found.bits == flag_words.SEEN | flag_words.DRAFT
    assert found.words == {"work", "$forwarded"}
    assert keywords(None) == labels([])
    for wrong in ({"$seen": False}, {"a b": True}, {"": True}, {"$deleted": True}, ["a"], {"ü": 1}):
        with pytest.raises(SetError) as error:
            keywords(wrong)
        assert error.value.kind == "invalidProperties"
    for many in ([f"k{n}" for n in range(101)], [f"{n:0200}" for n in range(50)]):
        with pytest.raises(SetError) as error:
            labels(many)
        assert error.value.kind == "tooManyKeywords"


def test_mailboxes() -> None:
    assert mailbox_ids({"F1": True, "F2": True}) == ["F1", "F2"]
    for wrong in (None, {}, {"F1": False}, ["F1"]):
        with pytest.raises(SetError) as error:
            mailbox_ids(wrong)
        assert (error.value.kind, error.value.extra["properties"][0][:10]) == (
            "invalidProperties",
            "mailboxIds",
        )
    with pytest.raises(SetError) as error:
        mailbox_ids({f"F{n}": True for n in range(1001)})
    assert error.value.kind == "tooManyMailboxes"


def test_when_it_came() -> None:
    found = placing({"mailboxIds": {"F1": True}, "receivedAt": "2027-01-01T01:00:00+01:00"})
    assert (found.received, found.mailbox_ids) == (NOW, ("F1",))
    assert placing({"mailboxIds": {"F1": True}}).received is None
    for wrong in ("yesterday", 7, "1960-01-01T00:00:00Z"):
        with pytest.raises(SetError) as error:
            placing({"mailboxIds": {"F1": True}, "receivedAt": wrong})
        assert error.value.extra["properties"] == ["receivedAt"]
