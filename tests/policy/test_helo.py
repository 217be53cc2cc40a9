import pytest
from hypothesis import given, strategies as st

from postroom.mailauth.lookups import (
    Answer,
    FetchFailed,
    Lookup,
    LookupFailed,
    Question,
)
from postroom.policy import helo
from postroom.policy.helo import IMPOSTOR, NO_NAME
from postroom.protocol.smtp.replies import Reply
from tests.mailauth.answers import run_with

OURS = "mx.local.test"


@pytest.mark.parametrize(
    "name",
    [
        "mail.example.org",
        "mail.example.org.",
        "[192.0.2.1]",
        "[::ffff:192.0.2.1]",
        "other.local.test",
        "bücher.example",
        "",
    ],
)
def test_what_a_mail_server_may_say(name: str) -> None:
    assert helo.fault(name, "192.0.2.1", OURS) is None


@given(st.text(max_size=40))
def test_any_name_is_judged(name: str) -> None:
    found = helo.fault(name, "192.0.2.1", OURS)
    assert found is None or found.mark.score > 0
    run_with(helo.check(name), {})


def test_a_literal_of_ipv6() -> None:
    assert helo.fault("[IPv6:2001:DB8:0::1]", "2001:db8::1", OURS) is None
    assert helo.fault("[IPv6:2001:db8::2]", "2001:db8::1", OURS) is not None


@pytest.mark.parametrize(
    ("name", "score", "refusal"),
    [
        ("mx.local.test", 4, IMPOSTOR),
        ("MX.Local.Test.", 4, IMPOSTOR),
        ("[192.0.2.2]", 3, IMPOSTOR),
        ("[somebody]", 2, NO_NAME),
        ("[192.0.2.1", 2, NO_NAME),
        ("192.0.2.1", 2, NO_NAME),
        ("2001:db8::1", 2, NO_NAME),
        ("localhost", 1, NO_NAME),
        ("DESKTOP-7", 1, NO_NAME),
    ],
)
def test_what_speaks_against_a_client(name: str, score: int, refusal: Reply) -> None:
    found = helo.fault(name, "192.0.2.1", OURS)
    assert found is not None
    assert found.mark.score == score
    assert name in found.mark.reason
    assert found.refusal is refusal


def table(
    **found: Answer | LookupFailed,
) -> dict[Question, Answer | LookupFailed | FetchFailed]:
    return {Lookup("mail.example.org", kind): found.get(kind, ()) for kind in ("A", "AAAA", "MX")}


@pytest.mark.parametrize(
    "found",
    [
        {"A": ("192.0.2.9",)},
        {"AAAA": ("2001:db8::9",)},
        {"MX": ((10, "mx.example.org"),)},
        {"A": LookupFailed("timeout")},
        {"AAAA": LookupFailed("timeout")},
        {"MX": LookupFailed("timeout")},
    ],
)
def test_a_name_that_exists_or_can_not_be_looked_up(found: dict[str, object]) -> None:
    assert run_with(helo.check("Mail.Example.ORG."), table(**found)) is None  # type: ignore[arg-type]


def test_a_name_that_does_not_exist() -> None:
    mark = run_with(helo.check("mail.example.org"), table())
    assert mark is not None
    assert mark.score == 1
    assert mark.reason == "HELO mail.example.org has no address"


@pytest.mark.parametrize("name", ["localhost", "[192.0.2.1]", "192.0.2.1", ""])
def test_what_is_no_name_is_not_looked_up(name: str) -> None:
    assert run_with(helo.check(name), {}) is None
