"""Signs that need no learning."""

from typing import Any

import pytest

from postroom.message import headers
from postroom.policy import rules
from postroom.policy.facts import Authentication
from postroom.policy.suspicion import Mark, Suspicion
from postroom.policy.tokens import tokens
from tests.policy.letters import HAM, NOW, facts, letter

ORDINARY = letter(HAM)


def signs(octets: bytes = ORDINARY, **others: Any) -> dict[str, float]:
    known = facts(octets, **others)
    read = tokens(known.head, known.part, known.sample)
    return {sign.words: sign.points for sign in rules.signs(known, read)}


def test_an_ordinary_letter_has_none() -> None:
    assert not signs()


@pytest.mark.parametrize(
    ("others", "words"),
    [
        ({"helo": "[192.0.2.1]"}, "greets with an address"),
        ({"helo": "pc"}, "no domain"),
        ({"now": NOW + 30 * rules.DAY_MS}, "more than a week ago"),
        ({"now": NOW - 30 * rules.DAY_MS}, "in the future"),
        ({"recipients": ("carol@here.example",)}, "named in To or Cc"),
        ({"authentication": Authentication(dmarc="fail")}, "not from the domain"),
        ({"authentication": Authentication(spf="fail")}, "SPF"),
        ({"authentication": Authentication(iprev="fail")}, "no valid name"),
    ],
)
def test_how_it_came(others: dict[str, Any], words: str) -> None:
    (sign,) = signs(**others)
    assert words in sign


def test_what_was_noticed_of_the_peer_counts_once() -> None:
    marks = (Mark("its address has no name", 1), Mark("a good list has it", -4))
    found = signs(
        helo="pc", authentication=Authentication(iprev="fail"), suspicion=Suspicion(marks)
    )
    assert found == {"its address has no name": 1.0, "a good list has it": -4.0}


@pytest.mark.parametrize(
    ("field", "words"),
    [
        (b"From: two@client.example\r\n", "several From"),
        (b'Content-Type: x/y; name="a.pdf.exe"\r\n', "pretends to be a document"),
        (b'Content-Type: x/y; name="a.exe"\r\n', "a program is attached"),
    ],
)
def test_what_its_header_says(field: bytes, words: str) -> None:
    assert any(words in sign for sign in signs(field + ORDINARY))


def test_a_list_need_not_name_its_members() -> None:
    assert not signs(b"List-Id: <l.example>\r\n" + ORDINARY, recipients=("carol@here.example",))


def test_no_single_sign_reaches_the_threshold_but_a_disguised_program() -> None:
    assert all(points < 5 for points, _ in rules._MARKS.values())
    assert sum(signs(b'Content-Type: x/y; name="a.pdf.exe"\r\n' + ORDINARY).values()) >= 5


def test_a_letter_without_anything() -> None:
    found = signs(headers.strip(ORDINARY, [b"from", b"date", b"message-id", b"to"]))
    assert len(found) >= 4
