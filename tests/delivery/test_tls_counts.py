"""Counting in memory, and writing the sums."""

import asyncio

from postroom.db.database import Database
from postroom.delivery.tls_counts import TlsCounts
from postroom.ledger import tls_results
from postroom.ledger.tls_results import DAY_MS, Counted
from postroom.mailauth.tlsrpt import Policy, ResultType
from tests.conftest import Opener
from tests.fakes import START, Clock

DAY = START // DAY_MS
POLICY = Policy(policy_type="sts", policy_string=("version: STSv1",), policy_domain="other.test")


def count(
    counts: TlsCounts,
    failure: ResultType | None = None,
    *,
    domain: str = "other.test",
    detail: str = "",
) -> None:
    policy = Policy(policy_type="no-policy-found", policy_domain=domain)
    counts.count(policy, f"mx.{domain}", failure, detail)


async def sums(db: Database, domain: str = "other.test", day: int = DAY) -> dict[str, int]:
    found = await db.read(lambda tx: tls_results.of(tx, day, domain))
    return {one.failure.result_type if one.failure else "": one.sessions for one in found}


def test_sessions_are_summed_up_by_day_policy_and_result(database: Opener) -> None:
    async def run() -> None:
        async with database() as db:
            clock = Clock()
            counts = TlsCounts(db, clock)
            for _ in range(3):
                count(counts)
            count(counts, "starttls-not-supported")
            count(counts, domain="third.test")
            clock.advance(days=1)
            count(counts)
            await counts.flush()
            assert await sums(db) == {"": 3, "starttls-not-supported": 1}
            assert await sums(db, "third.test") == {"": 1}
            assert await sums(db, day=DAY + 1) == {"": 1}
            await counts.flush()
            count(counts)
            await counts.flush()
            assert await sums(db, day=DAY + 1) == {"": 2}

    asyncio.run(run())


def test_a_failure_names_the_host_and_says_why(database: Opener) -> None:
    async def run() -> None:
        async with database() as db:
            counts = TlsCounts(db, Clock())
            counts.count(POLICY, "mx.other.test", "certificate-expired", "since\r\nlong")
            counts.count(POLICY, "mx.other.test", None, "not kept for what went well")
            await counts.flush()
            found = await db.read(lambda tx: tls_results.of(tx, DAY, "other.test"))
            assert found[0] == Counted(POLICY, None, 1)
            failure = found[1].failure
            assert failure is not None
            assert failure.receiving_mx_hostname == "mx.other.test"
            assert failure.additional_information == "since??long"

    asyncio.run(run())
