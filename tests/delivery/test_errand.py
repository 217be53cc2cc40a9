"""Recipients in portions."""

import asyncio
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from postroom.delivery.errand import Errand, errands
from tests.delivery.station import alone, station
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


@given(
    st.lists(st.lists(st.integers(0, 4), max_size=12), max_size=3),
    st.integers(1, 5),
    st.integers(1, 3),
)
def test_a_portion_has_only_so_many_domains(many: list[list[int]], most: int, domains: int) -> None:
    """RFC 9422 §4.3; nobody is lost or doubled."""
    brought = [
        Errand(held(), [recipient(f"b{n}@d{name}.TEST", n) for n, name in enumerate(names)])
        for names in many
    ]
    found = list(errands(brought, most, domains))
    for one in found:
        assert 1 <= len(one.recipients) <= most
        assert len({r.address.rpartition(b"@")[2].lower() for r in one.recipients}) <= domains
    assert sorted(id(r) for one in found for r in one.recipients) == sorted(
        id(r) for one in brought for r in one.recipients
    )


def test_domains_are_kept_together() -> None:
    addresses = ["a@one.test", "b@two.test", "c@One.test", "d@two.test", "e@three.test"]
    one = Errand(held(), [recipient(address, n) for n, address in enumerate(addresses)])
    found = [[r.number for r in part.recipients] for part in errands([one], 100, 1)]
    assert found == [[0, 2], [4], [1, 3]]
    assert [len(part.recipients) for part in errands([one], 100, 2)] == [3, 2]
    assert [len(part.recipients) for part in errands([one], 100, 3)] == [5]


def test_so_many_domains_in_one_transaction(data: Path, tmp_path: Path) -> None:
    """RFC 9422 §4.3."""

    async def run() -> None:
        async with station(alone(tmp_path), data) as here:
            here.sink.offers = ("PIPELINING", "LIMITS RCPTDOMAINMAX=1")
            await here.send("u0@b.test", "u1@b2.test", "u2@b.test", "u3@b2.test")
            await here.run()
            taken = sorted(sorted(one.recipients) for one in here.sink.taken)
            assert taken == [["u0@b.test", "u2@b.test"], ["u1@b2.test", "u3@b2.test"]]
            assert len(here.sink.conversations) == 1

    asyncio.run(run())
