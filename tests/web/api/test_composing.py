"""A letter as JSON becomes one of RFC 5322."""

import email
import email.policy

import msgspec
import pytest

from postroom.errors import Invalid
from postroom.web.api import composing
from postroom.web.api.composing import NewMessage

DATE = "Mon, 21 Sep 2026 14:13:20 +0000"


def read(text: str) -> NewMessage:
    return msgspec.json.decode(text, type=NewMessage)


def made(text: str) -> email.message.EmailMessage:
    octets = composing.composed(read(text), date=DATE, message_id="1@demo.test")
    return email.message_from_bytes(octets, policy=email.policy.default)


def test_all_that_can_be_said() -> None:
    letter = made(
        """{"from": {"address": "bob@demo.test", "name": "Bob Ö."}, "to": ["a@far.test"],
        "cc": [{"address": "c@far.test", "name": "C"}], "bcc": ["secret@far.test"],
        "reply_to": ["desk@demo.test"], "subject": "Grüße", "text": "plain", "html": "<b>rich</b>",
        "attachments": [{"name": "a.txt", "content": "aGVsbG8=", "content_type": "text/plain"}],
        "headers": {"X-Shop": "7", "In-Reply-To": "<1@x>"}}"""
    )
    assert letter["From"].addresses[0].display_name == "Bob Ö."
    assert (letter["To"], letter["Cc"]) == ("a@far.test", "C <c@far.test>")
    assert "secret" not in letter.as_string()
    assert (letter["Subject"], letter["Reply-To"]) == ("Grüße", "desk@demo.test")
    assert (letter["X-Shop"], letter["In-Reply-To"]) == ("7", "<1@x>")
    (file,) = letter.iter_attachments()
    assert (file.get_filename(), file.get_content()) == ("a.txt", "hello")
    plain, rich = letter.get_body(("plain",)), letter.get_body(("html",))
    assert plain is not None
    assert rich is not None
    assert plain.get_content().splitlines() == ["plain"]
    assert rich.get_content().splitlines() == ["<b>rich</b>"]


def test_html_alone_gets_a_text() -> None:
    letter = made('{"from": "b@demo.test", "to": ["a@far.test"], "html": "<p>One</p><p>Two"}')
    assert letter.get_content_type() == "multipart/alternative"
    plain = letter.get_body(("plain",))
    assert plain is not None
    assert plain.get_content().split() == ["One", "Two"]


def test_recipients_are_each_once() -> None:
    message = read('{"from": "b@demo.test", "to": ["a@x.test", "a@x.test"], "bcc": ["c@x.test"]}')
    assert list(map(str, composing.recipients(message))) == ["a@x.test", "c@x.test"]
    assert str(composing.sender(message)) == "b@demo.test"


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ('"headers": {"Bcc": "x@y"}', "can't be set here"),
        ('"headers": {"X-A: b\\r\\nBcc": "x"}', "can't be set here"),
        ('"headers": {"Content-Type": "x"}', "can't be set here"),
        ('"attachments": [{"name": "a", "content": "", "content_type": "x"}]', "no media type"),
        (
            '"attachments": [{"name": "a", "content": "", "content_type": "message/rfc822"}]',
            "is no file",
        ),
        ('"reply_to": ["nobody"]', "'nobody' has no @; write the whole address"),
        (
            '"cc": ["Bob <bob@far.test>"]',
            'write the address alone: bob@far.test; or give it as {"address": "..", "name": ".."}',
        ),
    ],
)
def test_what_does_not_belong_is_refused(more: str, reason: str) -> None:
    with pytest.raises(Invalid, match=reason):
        made('{"from": "b@demo.test", "to": ["a@far.test"], ' + more + "}")


def test_values_stay_in_their_field() -> None:
    letter = made(
        '{"from": "b@demo.test", "to": ["a@far.test"], "subject": "a\\r\\nBcc: x@y",'
        ' "headers": {"X-A": "1\\r\\nBcc: x@y"}}'
    )
    assert letter["Bcc"] is None
