import pytest
from hypothesis import given, strategies

from postroom.directory import list_keys
from postroom.directory.names import Policy

KEY, OTHER = b"k" * 32, b"o" * 32
NUMBERS = strategies.integers(0, (1 << 63) - 1)


@given(NUMBERS, NUMBERS, strategies.sampled_from(sorted(list_keys.PURPOSES)))
def test_what_is_signed_is_opened_in_any_case_and_only_there(
    number: int, scope: int, purpose: list_keys.Purpose
) -> None:
    detail = list_keys.signed(purpose, number, KEY, scope=scope)
    assert list_keys.is_further(detail.upper())
    assert list_keys.opened(detail.upper(), KEY, scope=scope) == (purpose, number)
    assert list_keys.opened(detail, OTHER, scope=scope) is None
    assert list_keys.opened(detail, KEY, scope=scope ^ 1) is None
    word, _, rest = detail.partition("-")
    for another in list_keys.PURPOSES - {word}:
        assert list_keys.opened(f"{another}-{rest}", KEY, scope=scope) is None
    assert len(f"{'x' * list_keys.MAX_NAME}+{detail}") <= 64


@given(strategies.text(max_size=40))
def test_nothing_else_is_opened(detail: str) -> None:
    assert list_keys.opened(detail, KEY) is None
    assert list_keys.confirmed(detail, 1, "a@b.test", KEY, 1) is None


def test_a_confirmation_is_for_one_wish_of_one_address_and_a_week() -> None:
    detail = list_keys.confirmation("subscribe", 7, "Ann@b.test", KEY, 20_000)
    assert list_keys.is_further(detail)
    assert list_keys.confirmed(detail.upper(), 7, "ann@B.test", KEY, 20_007) == "subscribe"
    assert list_keys.confirmed(detail, 7, "ann@b.test", KEY, 19_999) == "subscribe"
    for list_id, address, key, day in (
        (8, "ann@b.test", KEY, 20_000),
        (7, "eve@b.test", KEY, 20_000),
        (7, "ann@b.test", OTHER, 20_000),
        (7, "ann@b.test", KEY, 20_008),
        (7, "ann@b.test", KEY, 19_990),
    ):
        assert list_keys.confirmed(detail, list_id, address, key, day) is None
    other = list_keys.confirmation("unsubscribe", 7, "ann@b.test", KEY, 20_000)
    assert list_keys.confirmed(other, 7, "ann@b.test", KEY, 20_001) == "unsubscribe"


@pytest.mark.parametrize(
    ("local", "found"),
    [
        ("Dev+OWNER", ("dev", "owner")),
        ("dev+help", ("dev", "help")),
        ("dev+news", ("", "")),
        ("dev", ("", "")),
        ("+owner", ("", "")),
        ("dev-owner", ("", "")),
        ("dev+bounce-short", ("", "")),
    ],
)
def test_the_separator_is_a_plus_in_every_domain(local: str, found: tuple[str, str]) -> None:
    assert list_keys.reading(Policy(separators="-"), local) == found
