import pytest

from postroom.message import headers
from postroom.sieve.actions import Keep, Notify
from postroom.sieve.notices import Target, notice, objection, target
from postroom.sieve.problems import RunError
from tests.sieve.desk import actions, holds, letter, outcome, problems

NEEDED = 'require ["enotify", "variables"];'


def test_addresses() -> None:
    assert target("mailto:a@b.example") == Target(("a@b.example",), (), None, None, ())
    found = target(
        "MAILTO:a%2Bb@b.example,c@D.example?cc=e@f.example&To=g@h.example&subject=a%20b"
        "&body=x%0Ay&x-one=1&from=evil@e.example&Resent-To=x&content-type=y&bcc=i@j.example"
    )
    assert found.to == ("a+b@b.example", "c@d.example", "g@h.example")
    assert found.cc == ("e@f.example", "i@j.example")
    assert (found.subject, found.body) == ("a b", "x\ny")
    assert found.fields == (("X-One", "1"),)


@pytest.mark.parametrize(
    "uri",
    [
        "", "a@b.example", "xmpp:a@b.example", "mailto:", "mailto:a b", "mailto:a@b.example?x",
        "mailto:a@b.example?:=1", "mailto:" + ",".join(f"a{n}@b.example" for n in range(9)),
        "mailto:a@b.example?subject=" + "x" * 5000,
    ],
)  # fmt: skip
def test_what_is_no_address(uri: str) -> None:
    with pytest.raises(RunError):
        target(uri)


def test_the_command() -> None:
    found, keep = actions(NEEDED + 'notify "mailto:a@b.example";')
    assert isinstance(found, Notify)
    assert keep == Keep(is_implicit=True)
    assert found.subject == "Grüße from Alice"
    assert "From: Alice Example <alice+news@example.org>" in found.body
    found, _ = actions(
        NEEDED + 'notify :importance "1" :from "bob@example.com" :message "new: ${0}"'
        ' "mailto:a@b.example?subject=other&body=text";'
    )
    assert found == Notify(
        to=("a@b.example",), subject="new: ", body="text", importance=1, from_="bob@example.com"
    )


def test_what_is_wrong() -> None:
    assert problems(NEEDED + 'notify "xmpp:a@b.example";')[0].endswith("must begin with mailto:")
    assert problems(NEEDED + 'notify :importance "4" "mailto:a@b.example";')
    found = outcome(NEEDED + 'set "i" "9"; notify :importance "${i}" "mailto:a@b.example";')
    assert found.error
    found = outcome(NEEDED + 'notify "mailto:a@b.example";' * 5)
    assert found.error
    assert "more than 4 notify" in found.error


@pytest.mark.parametrize(
    ("test", "expected"),
    [
        ('valid_notify_method "mailto:a@b.example"', True),
        ('valid_notify_method ["mailto:a@b.example", "xmpp:x"]', False),
        ('notify_method_capability "mailto:a@b.example" "Online" "maybe"', True),
        ('notify_method_capability "mailto:a@b.example" "online" "yes"', False),
        ('notify_method_capability "mailto:a@b.example" "other" "maybe"', False),
        ('notify_method_capability "xmpp:a" "online" "maybe"', False),
    ],
)
def test_tests(test: str, expected: bool) -> None:
    assert holds(test, require="enotify") is expected


def test_a_notice_answers_no_notice() -> None:
    action = Notify(
        to=("a@b.example",), cc=("c@d.example",), subject="s", body="b", importance=1,
        fields=(("X-One", "1"),),
    )  # fmt: skip
    octets = notice(
        action,
        own=["bob@example.com"],
        date="d",
        message_id="m@example.com",
        owner="bob@example.com",
    )
    head, body = headers.split(octets)
    assert headers.values(head, b"from") == [b"bob@example.com"]
    assert headers.values(head, b"cc") == [b"c@d.example"]
    assert headers.values(head, b"x-priority") == [b"1 (High)"]
    assert headers.values(head, b"x-one") == [b"1"]
    assert headers.values(head, b"auto-submitted") == [
        b'auto-notified; owner-email="bob@example.com"'
    ]
    assert body == b"b\r\n"
    assert objection(letter(octets))
    assert objection(letter()) is None
