from datetime import UTC, datetime

import pytest
from hypothesis import given, strategies

from postroom.admin import names
from postroom.db.ids import to_text
from postroom.errors import Invalid, NotFound


def test_what_was_typed_becomes_an_address_or_a_reason() -> None:
    assert str(names.address(" Alice@Demo.TEST ")) == "Alice@demo.test"
    for text in ("alice", "@demo.test", "a b@demo.test", "a@b..c", "", "a@b>\r\nRCPT TO:<x@y"):
        with pytest.raises(Invalid):
            names.address(text)


def test_an_address_that_is_not_whole_is_told_what_one_looks_like() -> None:
    for text, words in (
        ("bob", "'bob' has no @; write the whole address, such as bob@example.org"),
        ("' OR 1", "has no @; write the whole address, such as ann@example.org"),
        ("", "'' has no @; write the whole address, such as ann@example.org"),
        ("@demo.test", "'@demo.test' has nothing before the @; write the whole address"),
    ):
        with pytest.raises(Invalid) as refused:
            names.address(text)
        assert words in str(refused.value)


def test_a_name_with_an_address_is_told_to_leave_the_name_out() -> None:
    for text in ("Bob <bob@x.test>", '"B, ob" <bob@x.test>', "Bob Brandt<bob@x.test> "):
        with pytest.raises(Invalid, match=r"is a name and an address; .* alone: bob@x.test$"):
            names.address(text)


def test_a_page_is_no_domain_and_which_domain_it_has_is_told() -> None:
    with pytest.raises(Invalid, match=r"is the address of a page; .* alone: example.org$"):
        names.domain(" https://Example.org:8443/mail?x=1")
    with pytest.raises(Invalid, match="alone: example.org$"):
        names.domain("http://")


def test_what_was_typed_becomes_a_domain_or_a_reason() -> None:
    assert names.domain("@Bücher.example").ascii == "xn--bcher-kva.example"
    for text in ("", "a b", "..", "-", "demo.test/x"):
        with pytest.raises(Invalid):
            names.domain(text)


@pytest.mark.parametrize(
    ("text", "sought"),
    [
        (" Alice ", "alice"),
        ("Alice@Demo", "alice@demo"),
        ("x@Bücher.example", "x@xn--bcher-kva.example"),
        ("Müller", "xn--mller-kva"),
        ("müller x", "müller x"),
        ("", ""),
    ],
)
def test_searches_look_for_what_is_stored(text: str, sought: str) -> None:
    assert names.sought(text) == sought


def test_times_are_utc_to_the_second() -> None:
    assert names.moment(1_790_000_000_999) == datetime(2026, 9, 21, 14, 13, 20, tzinfo=UTC)


@pytest.mark.parametrize(
    ("octets", "text"),
    [(0, "0 B"), (1023, "1023 B"), (1024, "1 KB"), (1536, "1.5 KB"), (1 << 50, "1024 TB")],
)
def test_sizes_are_read_by_people(octets: int, text: str) -> None:
    assert names.size(octets) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-1, "less than a minute"),
        (59.9, "less than a minute"),
        (60, "1 minute"),
        (7_199, "119 minutes"),
        (7_200, "2 hours"),
        (172_799, "47 hours"),
        (172_800, "2 days"),
    ],
)
def test_spans_are_read_by_people(seconds: float, text: str) -> None:
    assert names.span(seconds) == text


def test_an_id_is_read_or_refused_as_who_asks_wants() -> None:
    assert names.ident(f" {to_text(77)}\n", NotFound("no such key")) == 77
    for text in ("", "77", "x" * 13, to_text(77) + "0"):
        with pytest.raises(NotFound, match="no such key"):
            names.ident(text, NotFound("no such key"))


def test_counts_are_told_in_words() -> None:
    assert [names.count(number, "x") for number in (0, 1, 2)] == ["0 xs", "1 x", "2 xs"]
    assert [names.count(number, "box", "boxes") for number in (1, 2)] == ["1 box", "2 boxes"]


@given(strategies.integers(0, 1 << 62))
def test_an_exact_size_is_read_as_what_it_was(number: int) -> None:
    assert names.octets(names.exact_size(number)) == number


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (10 << 30, "10 GB"), (5 << 28, "1.25 GB"), (500 << 10, "500 KB"), (1_000_001, "1000001 B"),
        (3 << 50, "3072 TB"), (0, "0 B"),
    ],
)  # fmt: skip
def test_an_exact_size_is_as_short_as_it_can_be(number: int, text: str) -> None:
    assert names.exact_size(number) == text


@pytest.mark.parametrize(
    "text", ["", "10", "much", "1.2345 GB", "1 PB", "9" * 20 + " B", "\u0663 GB"]
)
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(Invalid, match="10 GB"):
        names.octets(text)
