import pytest

from postroom.message import headers
from postroom.sieve.actions import Keep, Vacation
from postroom.sieve.limits import Limits
from postroom.sieve.vacation import author, objection, reply
from tests.sieve.desk import actions, letter, outcome, problems

NEEDED = 'require ["vacation", "vacation-seconds", "variables"];'
OWN = ("bob@example.com", "robert@example.com")
DATE = "Mon, 21 Sep 2026 14:13:20 +0000"


def answer(command: str) -> Vacation:
    found, keep = actions(NEEDED + command)
    assert isinstance(found, Vacation)
    assert keep == Keep(is_implicit=True)
    return found


def test_the_plain_command() -> None:
    found = answer('vacation "gone";')
    assert found.seconds == 7 * 86_400
    assert found.reason == "gone"
    assert found.subject == "Auto: Grüße from Alice"
    assert (found.from_, found.addresses, found.is_mime, found.fcc) == (None, (), False, None)


def test_all_arguments() -> None:
    found = answer(
        'vacation :days 3 :subject "off" :from "B <bob@example.com>" :handle "h"'
        ' :addresses ["a@b.example", "c@d.example"] :mime "Content-Type: text/plain\n\ngone";'
    )
    assert found.seconds == 3 * 86_400
    assert found.subject == "off"
    assert found.from_ == "B <bob@example.com>"
    assert found.addresses == ("a@b.example", "c@d.example")
    assert found.is_mime


@pytest.mark.parametrize(
    ("period", "seconds"),
    [
        (":days 0", 86_400),
        (":days 1", 86_400),
        (":days 5000", 90 * 86_400),
        (":seconds 0", 0),
        (":seconds 1800", 1800),
    ],
)
def test_periods(period: str, seconds: int) -> None:
    assert answer(f'vacation {period} "gone";').seconds == seconds


def test_periods_are_brought_between_the_limits() -> None:
    found = outcome(NEEDED + 'vacation :seconds 1 "x";', limits=Limits(min_period=60)).actions[0]
    assert isinstance(found, Vacation)
    assert found.seconds == 60


def test_keys_tell_answers_apart() -> None:
    assert answer('vacation "a";').key == answer('vacation :days 2 "a";').key
    assert answer('vacation "a";').key != answer('vacation "b";').key
    assert answer('vacation :subject "s" "a";').key != answer('vacation "a";').key
    assert answer('vacation :handle "h" "a";').key == answer('vacation :handle "h" "b";').key
    assert answer('vacation :handle "a" "x";').key != answer('vacation "a";').key


def test_addresses_of_the_owner_may_have_names() -> None:
    named = answer('vacation :addresses ["Me <A@b.Example>"] "x";')
    assert named.addresses == ("A@b.example",)


def test_what_is_wrong() -> None:
    assert problems(NEEDED + 'vacation :from "nobody" "x";')
    assert problems(NEEDED + 'vacation :addresses "a b" "x";')
    assert problems(NEEDED + 'vacation :days 1 :seconds 1 "x";')
    assert "needs: require" in problems('require "vacation"; vacation :seconds 1 "x";')[0]
    twice = outcome(NEEDED + 'vacation "x"; vacation "y";')
    assert twice.error
    assert "only once" in twice.error
    refused = outcome('require ["vacation", "reject"]; vacation "x"; reject "y";')
    assert refused.error
    assert "reject can't go with vacation" in refused.error


ASKED = b"From: alice@example.org\r\nTo: Bob@example.com\r\nSubject: x\r\n"


@pytest.mark.parametrize(
    "sender",
    [
        "", "owner-list@example.org", "list-request@example.org", "MAILER-DAEMON@example.org",
        "majordomo@example.org", "no-reply@example.org", "bounces+1@example.org",
        "bob@example.com", "Robert+x@example.com", "list-bounces@example.org",
    ],
)  # fmt: skip
def test_senders_that_get_no_answer(sender: str) -> None:
    about = letter(ASKED + b"\r\n", sender=sender)
    assert objection(about, Vacation(key="", seconds=0, reason=""), OWN)


@pytest.mark.parametrize(
    "field",
    [
        b"Auto-Submitted: auto-replied", b"Auto-Submitted: auto-generated (x); y=z",
        b"Precedence: bulk", b"Precedence: List", b"List-Id: <a.b>", b"List-Post: <mailto:a@b>",
        b"List-Unsubscribe: <mailto:a@b>", b"X-Auto-Response-Suppress: DR, OOF",
    ],
)  # fmt: skip
def test_letters_that_get_no_answer(field: bytes) -> None:
    about = letter(ASKED + field + b"\r\n\r\n", sender="alice@example.org")
    assert objection(about, Vacation(key="", seconds=0, reason=""), OWN)


def test_letters_that_get_one() -> None:
    action = Vacation(key="", seconds=0, reason="")
    for extra in (b"", b"Auto-Submitted: no\r\n", b"X-Auto-Response-Suppress: DR\r\n"):
        about = letter(ASKED + extra + b"\r\n", sender="alice@example.org")
        assert objection(about, action, OWN) is None


def test_the_owner_must_be_named() -> None:
    action = Vacation(key="", seconds=0, reason="")
    hidden = letter(b"From: alice@example.org\r\nTo: x@y.example\r\n\r\n", sender="a@example.org")
    assert objection(hidden, action, OWN) == (
        "the message names none of the owner's addresses as its recipient"
    )
    also = Vacation(key="", seconds=0, reason="", addresses=("X@Y.example",))
    assert objection(hidden, also, OWN) is None
    for name in (b"Cc", b"Bcc", b"Resent-To"):
        named = letter(name + b": G: bob+x@EXAMPLE.com;\r\n\r\n", sender="a@example.org")
        assert objection(named, action, OWN) is None


def test_the_answer() -> None:
    about = letter(
        ASKED + b"Message-ID: <2@x>\r\nReferences: <0@x> <1@x>\r\n\r\n", sender="alice@example.org"
    )
    action = Vacation(key="", seconds=0, reason="Gone,\nback on Monday", subject="Auto: x")
    octets = reply(about, action, own=OWN, date=DATE, message_id="m@example.com")
    head, body = headers.split(octets)
    assert headers.values(head, b"from") == [b"bob@example.com"]
    assert headers.values(head, b"to") == [b"alice@example.org"]
    assert headers.values(head, b"subject") == [b"Auto: x"]
    assert headers.values(head, b"in-reply-to") == [b"<2@x>"]
    assert headers.values(head, b"references") == [b"<0@x> <1@x> <2@x>"]
    assert headers.values(head, b"auto-submitted") == [b"auto-replied (vacation)"]
    assert body == b"Gone,\r\nback on Monday\r\n"
    again = letter(octets, sender="bob@example.com")
    assert objection(again, action, ["alice@example.org"])


def test_an_answer_that_is_a_mime_entity() -> None:
    entity = "Content-Type: text/html; charset=utf-8\r\nSubject: evil\r\n\r\n<b>gone</b>"
    action = Vacation(key="", seconds=0, reason=entity, subject="s", is_mime=True)
    octets = reply(letter(), action, own=OWN, date=DATE, message_id="m@example.com")
    head, body = headers.split(octets)
    assert headers.values(head, b"content-type") == [b"text/html; charset=utf-8"]
    assert headers.values(head, b"subject") == [b"s"]
    assert body == b"<b>gone</b>"
    assert b"evil" not in octets


def test_whose_name_it_is_in() -> None:
    assert author('"B" <ROBERT@example.com>', OWN).address == "ROBERT@example.com"
    assert author('"B" <ROBERT@example.com>', OWN).name == "B"
    assert author("ceo@example.com", OWN).address == "bob@example.com"
    assert author("c@d.example", OWN, ["c@d.example"]).address == "c@d.example"
    assert author(None, OWN).address == "bob@example.com"
