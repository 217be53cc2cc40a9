"""Recipients in portions."""

import pytest
from hypothesis import given, strategies as st

from postroom.delivery.errand import Errand, errands
from tests.delivery.stock import held, queued, recipient


def errand(count: int) -> Errand:
    return Errand(held(), [recipient(f"b{n}@other.test", n) for n in range(count)])


def test_a_short_one_stays_what_it_is() -> None:
    one = errand(3)
    assert list(errands([one], 3)) == [one]
    assert next(errands([one], 100)) is one
    assert one.letter is one.loaded.claimed.letter
    assert list(errands([], 5)) == []


def test_a_long_one_is_cut_in_order() -> None:
    one = errand(7)
    found = list(errands([one, errand(1)], 3))
    assert [len(part.recipients) for part in found] == [3, 3, 1, 1]
    assert [r for part in found[:3] for r in part.recipients] == one.recipients
    assert all(part.loaded is one.loaded for part in found[:3])


@pytest.mark.parametrize(
    ("fields", "need"),
    [
        (b"", "policy"),
        (b"TLS-Required: No\r\n", "none"),
        (b"tls-required:\r\n  nO \r\n", "none"),
        (b"TLS-Required: Yes\r\n", "policy"),
        (b"TLS-Required:\r\n", "policy"),
        (b"TLS-Required: No\r\nTLS-Required: No\r\n", "policy"),
        (b"Subject: TLS-Required: No\r\n", "policy"),
    ],
)
def test_a_message_can_do_without_the_policies_of_others(fields: bytes, need: str) -> None:
    """RFC 8689 §5."""
    head = b"From: a@b.test\r\n" + fields + b"\r\n"
    assert Errand(held(head, queued(account_id=1)), []).need == need
    assert Errand(held(head, queued(account_id=None)), []).need == "policy"  # threat A15
    assert Errand(held(head, queued(account_id=1, requiretls=True)), []).need == "proof"


@given(st.lists(st.integers(0, 30), max_size=5), st.integers(1, 12))
def test_nobody_is_lost_or_doubled(counts: list[int], most: int) -> None:
    many = [errand(count) for count in counts]
    found = list(errands(many, most))
    assert all(len(one.recipients) <= most for one in found)
    assert [r for one in found for r in one.recipients] == [
        r for one in many for r in one.recipients
    ]
