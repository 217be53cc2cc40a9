import datetime as dt

import pytest

from postroom.admin.activity import LoginView
from postroom.admin.audit import AuditView
from postroom.directory.audit import ActorKind
from postroom.policy.logins import Means, Outcome
from postroom.web import wording

NOW = dt.datetime(2026, 11, 26, tzinfo=dt.UTC)


def login(outcome: Outcome, means: Means, label: str = "") -> LoginView:
    return LoginView(NOW, NOW, 1, "imaps", "192.0.2.1", outcome, means, label)


def entry(kind: ActorKind, actor: str, action: str = "rule.add") -> AuditView:
    return AuditView(NOW, kind, actor, "", action, "ann@demo.test", {})


@pytest.mark.parametrize(
    ("outcome", "means", "label", "words"),
    [
        ("in", "app", "phone", ("password of phone", "logged in")),
        ("in", "token", "", ("access token", "logged in")),
        ("half", "password", "", ("own password", "password right, second factor asked for")),
        ("refused", "password", "", ("a password", "refused: wrong name or password")),
        ("refused", "code", "", ("a code", "refused: password right, code wrong")),
        ("untested", "password", "", ("a password", "turned away: too many failures")),
    ],
)
def test_logins(outcome: Outcome, means: Means, label: str, words: tuple[str, str]) -> None:
    one = login(outcome, means, label)
    assert (wording.means(one), wording.outcome(one)[1]) == words


def test_protocols_of_a_kind_are_named_once() -> None:
    assert wording.protocols(("imap", "pop3", "smtp")) == (
        "reading (IMAP), reading (POP3), sending (SMTP)"
    )
    assert wording.protocols(("imap", "imaps")) == "reading (IMAP)"
    assert wording.protocols(()) == "everything"
    assert wording.protocol("gopher") == "gopher"


def test_who_did_it_is_seen_with_the_eyes_of_the_reader() -> None:
    me = "ann@demo.test"
    assert wording.doer(entry("person", me), me) == "you"
    assert wording.doer(entry("person", "root@demo.test"), me) == "root@demo.test"
    assert wording.doer(entry("command", "root"), me) == "an administrator at the machine"
    assert wording.doer(entry("person", me), "") == me


def test_deeds_and_fates_without_words_of_their_own_are_named_as_they_are() -> None:
    assert wording.deed(entry("server", "")) == "Rule added"
    assert wording.deed(entry("server", "", "relay.use")) == "relay use"
    assert wording.fate("bounced") == ("bad", "refused there")
    assert wording.fate("held") == ("look", "held")


def test_details_in_one_line() -> None:
    assert wording.details({}) == ""
    assert wording.details(
        {"opens_mail": True, "to": ["a@x.test", "b@x.test"], "conditions": [{"name": "from"}]}
    ) == ("opens mail: yes; to: a@x.test, b@x.test; conditions: name from")
