import pytest

from postroom.mailauth.lookups import (
    Answer,
    Check,
    Fetch,
    FetchFailed,
    Lookup,
    LookupFailed,
    Question,
    body,
    texts,
)
from tests.mailauth.answers import run_with

URL = "https://a.example/x"
DOCUMENT = Fetch(url=URL, max_octets=4, media_type="text/plain")


def check() -> Check[str]:
    try:
        found = yield from texts("a.example")
    except LookupFailed:
        found = (b"unknown",)
    try:
        document = yield from body(URL, max_octets=4, media_type="text/plain")
    except FetchFailed as failed:
        document = str(failed).encode() + b"!" * failed.is_certificate
    return b"|".join([*found, document]).decode()


def test_answers_are_sent_and_questions_told() -> None:
    asked: list[Question] = []
    answers: dict[Question, Answer | LookupFailed | FetchFailed] = {
        Lookup("a.example", "TXT"): (b"one", b"two"),
        DOCUMENT: b"body",
    }
    assert run_with(check(), answers, asked) == "one|two|body"
    assert asked == [Lookup("a.example", "TXT"), DOCUMENT]


def test_what_is_not_in_the_table_is_not_there() -> None:
    assert run_with(check(), {}) == "not found"


def test_failures_are_thrown() -> None:
    answers: dict[Question, Answer | LookupFailed | FetchFailed] = {
        Lookup("a.example", "TXT"): LookupFailed("SERVFAIL"),
        DOCUMENT: FetchFailed("expired", is_certificate=True),
    }
    assert run_with(check(), answers) == "unknown|expired!"


def test_a_failure_that_is_not_caught_comes_out() -> None:
    with pytest.raises(LookupFailed, match="SERVFAIL"):
        run_with(texts("b.example"), {Lookup("b.example", "TXT"): LookupFailed("SERVFAIL")})


def test_a_driver_that_lets_too_much_through_is_stopped() -> None:
    answers: dict[Question, Answer | LookupFailed | FetchFailed] = {DOCUMENT: b"12345"}
    assert run_with(check(), answers) == f"the document at {URL} is larger than 4 octets"


def test_records_of_another_kind_are_no_texts() -> None:
    answers: dict[Question, Answer | LookupFailed | FetchFailed] = {
        Lookup("a.example", "TXT"): (b"one", "two", (10, "three")),
    }
    assert run_with(texts("a.example"), answers) == (b"one",)
