"""How TLS went, by day and domain."""

import asyncio
from collections import Counter

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from postroom.db.database import Database
from postroom.ledger import tls_results
from postroom.ledger.tls_results import DAY_MS, KEEP_DAYS, Counted, Result, result
from postroom.mailauth.tlsrpt import Failure, Policy
from tests.conftest import Opener
from tests.fakes import START

DAY = START // DAY_MS
NONE = Policy(policy_type="no-policy-found", policy_domain="other.test")
STS = Policy(
    policy_type="sts",
    policy_string=("version: STSv1", "mode: enforce", "mx: mx.other.test", "max_age: 86400"),
    policy_domain="other.test",
    mx_host=("mx.other.test",),
)
MOST_OF_AN_INDEX = 2_704  # octets, PostgreSQL


async def add(db: Database, *results: Result) -> None:
    await db.write(lambda tx: tls_results.add(tx, Counter(results)))


async def of(db: Database, domain: str = "other.test", day: int = DAY) -> list[Counted]:
    return await db.read(lambda tx: tls_results.of(tx, day, domain))


def test_counts_of_a_day_are_added_up(database: Opener) -> None:
    async def run() -> None:
        async with database() as db:
            good = result(DAY, STS, "mx.other.test")
            bad = result(DAY, STS, "mx.other.test", "certificate-expired", "yesterday")
            await add(db, good, good, bad)
            await add(db, good, result(DAY, NONE, "mx.other.test"))
            failure = Failure(
                result_type="certificate-expired",
                receiving_mx_hostname="mx.other.test",
                additional_information="yesterday",
            )
            assert sorted(await of(db), key=str) == sorted(
                [Counted(STS, None, 3), Counted(STS, failure, 1), Counted(NONE, None, 1)], key=str
            )
            assert await of(db, "third.test") == []
            assert await of(db, day=DAY + 1) == []
            await add(db)

    asyncio.run(run())


def test_the_domains_of_a_day_in_order(database: Opener) -> None:
    async def run() -> None:
        async with database() as db:
            for day, name in ((DAY, "b.test"), (DAY, "a.test"), (DAY + 1, "c.test")):
                policy = msgspec.structs.replace(NONE, policy_domain=name)
                await add(
                    db, result(day, policy, "mx.test"), result(day, policy, "", "tlsa-invalid")
                )
            assert await db.read(lambda tx: tls_results.domains(tx, DAY)) == ["a.test", "b.test"]
            assert await db.read(lambda tx: tls_results.domains(tx, DAY + 1)) == ["c.test"]
            assert await db.read(lambda tx: tls_results.domains(tx, DAY - 1)) == []

    asyncio.run(run())


def test_two_servers_may_write_at_the_same_time(database: Opener) -> None:
    async def run() -> None:
        async with database() as db:
            some = [
                result(DAY, msgspec.structs.replace(NONE, policy_domain=f"d{n}.test"), "mx")
                for n in range(20)
            ]
            await asyncio.gather(*[add(db, *some), *[add(db, *reversed(some)) for _ in range(5)]])
            for n in range(20):
                assert [one.sessions for one in await of(db, f"d{n}.test")] == [6]

    asyncio.run(run())


def test_days_go_after_a_fortnight(database: Opener) -> None:
    async def run() -> None:
        async with database() as db:
            for day in (DAY - KEEP_DAYS - 1, DAY - KEEP_DAYS, DAY):
                await add(db, result(day, NONE, "mx.other.test"))
            assert await db.write(lambda tx: tls_results.purge(tx, START)) == 1
            assert await db.write(lambda tx: tls_results.purge(tx, START)) == 0
            assert await of(db, day=DAY - KEEP_DAYS - 1) == []
            assert len(await of(db, day=DAY - KEEP_DAYS)) == len(await of(db)) == 1

    asyncio.run(run())


def test_an_honest_policy_is_kept_whole() -> None:
    tlsa = Policy(
        policy_type="tlsa",
        policy_string=tuple(f"3 1 1 {n:064x}" for n in range(8)),
        policy_domain="other.test",
        mx_host=("mx1.other.test",),
    )
    for policy in (STS, NONE, tlsa):
        assert result(DAY, policy, "mx").policy == policy


HOSTILE = [
    Policy(
        policy_type="tlsa",
        policy_string=tuple(f"3 0 0 {'ab' * 4_000}{n}" for n in range(5)),
        policy_domain="x" * 250,
        mx_host=("y" * 253,),
    ),
    Policy(
        policy_type="sts",
        policy_string=tuple(f"mx: {n}.{'z' * 200}.test" for n in range(1_000)),
        policy_domain="x" * 250,
        mx_host=tuple(f"{n}.{'z' * 200}.test" for n in range(1_000)),
    ),
]


@pytest.mark.parametrize("policy", HOSTILE)
def test_what_a_stranger_makes_long_still_fits_an_index(database: Opener, policy: Policy) -> None:
    async def run() -> None:
        async with database() as db:
            one = result(DAY, policy, "\\" * 253, "validation-failure", "\U0001f4a3\0\udcff" * 500)
            two = result(DAY, policy, "\\" * 253, "validation-failure", '"' * 5_000)
            await add(db, one, two, two)
            found = await of(db, policy.policy_domain)
            assert sorted(counted.sessions for counted in found) == [1, 2]
            assert {counted.failure for counted in found} == {one.failure, two.failure}
            assert await db.write(lambda tx: tls_results.purge(tx, START + 30 * DAY_MS)) == 2

    asyncio.run(run())


@given(
    st.lists(st.text(max_size=300), max_size=20),
    st.lists(st.text(max_size=300), max_size=20),
    st.text(max_size=300),
    st.text(max_size=600),
)
def test_every_key_is_short(lines: list[str], hosts: list[str], host: str, detail: str) -> None:
    policy = Policy(
        policy_type="sts",
        policy_string=tuple(lines),
        policy_domain="x" * 255,
        mx_host=tuple(hosts),
    )
    one = result(DAY, policy, host, "certificate-host-mismatch", detail)
    octets = len(msgspec.json.encode(one.policy)) + len(msgspec.json.encode(one.failure))
    assert octets + len(one.domain) + 100 < MOST_OF_AN_INDEX
    assert one.policy.policy_string == policy.policy_string[: len(one.policy.policy_string)]
    assert one.failure is not None
    assert one.failure.additional_information.isprintable()


@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(max_size=300), st.text(max_size=300))
def test_whatever_stands_in_it_is_read_back(database: Opener, host: str, detail: str) -> None:
    async def run() -> None:
        async with database() as db:
            one = result(DAY, STS, host, "validation-failure", detail)
            await add(db, one)
            assert await of(db) == [Counted(STS, one.failure, 1)]

    asyncio.run(run())
