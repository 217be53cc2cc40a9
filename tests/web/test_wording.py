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
    assert wording.protocols(("imap", "pop3", "sieve", "smtp")) == "mail and filters"
    assert wording.protocol("gopher") == "gopher"


def test_who_did_it_is_seen_with_the_eyes_of_the_reader() -> None:
    me = "ann@demo.test"
    assert wording.doer(entry("person", me), me) == "you"
    assert wording.doer(entry("person", "root@demo.test"), me) == "root@demo.test"
    assert wording.doer(entry("command", "root"), me) == "an administrator at the machine"
    assert wording.doer(entry("person", me), "") == me


def test_deeds_and_fates_without_words_of_their_own_are_named_as_they_are() -> None:
    assert wording.deed(entry("server", "")) == "Rule added"
    assert wording.deed(entry("server", "", "relay.use")) == "Relay use"
    assert wording.fate("bounced") == ("bad", "refused there")
    assert wording.fate("held") == ("look", "held")


def test_details_in_one_line() -> None:
    assert wording.details({}) == ""
    assert wording.details(
        {
            "opens_mail": True,
            "admin": False,
            "quota": 0,
            "to": ["a@x.test", "b@x.test"],
            "x": [{"y": 1}],
        }
    ) == ("opens mail: yes; to: a@x.test, b@x.test; x: y 1")
    assert wording.details({"which": "block", "patterns": ["x.test"]}) == "blocked: x.test"
    condition = {"field": "header", "name": "X-Kind", "test": "is", "value": "a", "negated": True}
    flagged = {"kind": "flag", "value": "\\Seen"}
    rule = {"conditions": [condition], "actions": [flagged, {"kind": "stop", "value": ""}]}
    assert wording.details({**rule, "any_of": False, "number": 2}) == (
        "if X-Kind not is a: flag as seen, no further rules; number: 2"
    )
    assert wording.details({"actions": [flagged]}) == "always: flag as seen"


@pytest.mark.parametrize(
    ("agent", "words"),
    [
        (
            (
                "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko)"
                " Chrome/156.0.0.0 Safari/537.36"
            ),
            "Chrome on Linux",
        ),
        (
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko)"
                " Chrome/156.0.0.0 Safari/537.36 Edg/156.0"
            ),
            "Edge on Windows",
        ),
        (
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15"
                " (KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1"
            ),
            "Safari on an iPhone",
        ),
        (
            "Mozilla/5.0 (Android 15; Mobile; rv:140.0) Gecko/140.0 Firefox/140.0",
            "Firefox on Android",
        ),
        ("curl/8.1", "curl/8.1"),
        ("", "not told"),
    ],
)
def test_browsers_are_called_what_people_call_them(agent: str, words: str) -> None:
    assert wording.browser(agent) == words


def test_what_a_rule_does() -> None:
    assert wording.action("move") == "move to"
    assert wording.action("dance") == "dance"
    assert wording.flag("\\Flagged") == "flagged"
    assert wording.flag("Lists/Python") == "Lists/Python"
