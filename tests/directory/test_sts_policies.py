"""Policies of other domains, kept."""

import asyncio

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from postroom.directory import sts_policies
from postroom.mailauth.sts import MAX_LIFE, MAX_PATTERNS, Policy, Remembered
from tests.conftest import Opener
from tests.fakes import START

DAY = 86_400_000
POLICY = Policy(mode="enforce", max_age=30 * 86_400, mx=("mx.other.test", "*.other.test"))
KNOWN = Remembered(policy=POLICY, ident="one", fetched=START // 1000)
FAILED = Remembered(failed=START // 1000, failure="sts-policy-fetch-error")


@pytest.mark.parametrize(
    "known",
    [
        KNOWN,
        FAILED,
        Remembered(),
        msgspec.structs.replace(KNOWN, failed=5, failure="sts-webpki-invalid"),
        Remembered(
            policy=Policy(
                mode="testing",
                max_age=MAX_LIFE,
                mx=tuple(f"*.{'x' * 60}.h{n}.test" for n in range(MAX_PATTERNS)),
            )
        ),
        Remembered(policy=Policy(mode="none", max_age=0)),
    ],
)
def test_what_is_remembered_is_read_back(database: Opener, known: Remembered) -> None:
    async def run() -> None:
        async with database() as db:
            assert await db.read(lambda tx: sts_policies.read(tx, "other.test")) is None
            await db.write(lambda tx: sts_policies.write(tx, "other.test", FAILED, START))
            await db.write(lambda tx: sts_policies.write(tx, "other.test", known, START))
            assert await db.read(lambda tx: sts_policies.read(tx, "other.test")) == known
            assert await db.read(lambda tx: sts_policies.read(tx, "sub.other.test")) is None

    asyncio.run(run())


@pytest.mark.parametrize(
    "octets", [b"", b"{", b"[]", b"null", b'{"policy":{"mode":"loud","max_age":1}}', b"\xff", b"5"]
)
def test_a_row_that_can_not_be_read_is_no_policy(database: Opener, octets: bytes) -> None:
    async def run() -> None:
        async with database() as db:
            await db.write(lambda tx: sts_policies.write(tx, "other.test", KNOWN, START))
            await db.write(lambda tx: tx.execute("UPDATE sts_policy SET policy = :p", p=octets))
            assert await db.read(lambda tx: sts_policies.read(tx, "other.test")) is None
            await db.write(lambda tx: sts_policies.write(tx, "other.test", KNOWN, START))
            assert await db.read(lambda tx: sts_policies.read(tx, "other.test")) == KNOWN

    asyncio.run(run())


def test_a_policy_is_kept_until_it_expires_and_a_failure_for_a_week(database: Opener) -> None:
    async def run() -> None:
        async with database() as db:
            short = msgspec.structs.replace(KNOWN, policy=Policy(mode="none", max_age=60))
            old = msgspec.structs.replace(KNOWN, fetched=(START - 29 * DAY) // 1000)
            for name, known in (
                ("long.test", KNOWN),
                ("failed.test", FAILED),
                ("short.test", short),
                ("old.test", old),
            ):
                await db.write(
                    lambda tx, name=name, known=known: sts_policies.write(tx, name, known, START)  # type: ignore[misc]
                )

            async def left(now: int) -> list[str]:
                gone = await db.write(lambda tx: sts_policies.purge(tx, now))
                rows = await db.read(lambda tx: tx.all("SELECT domain FROM sts_policy"))
                assert gone == before[0] - len(rows)
                before[0] = len(rows)
                return sorted(row[0] for row in rows)

            before = [4]
            assert len(await left(START + 7 * DAY)) == 4
            assert await left(START + 7 * DAY + 1) == ["long.test"]
            assert await left(START + 30 * DAY) == ["long.test"]
            assert await left(START + 30 * DAY + 1) == []

    asyncio.run(run())


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.builds(
        Remembered,
        policy=st.none()
        | st.builds(
            Policy,
            mode=st.sampled_from(["enforce", "testing", "none"]),
            max_age=st.integers(0, MAX_LIFE),
            mx=st.lists(st.text("abc.-*", min_size=1)).map(tuple),
        ),
        ident=st.text("ab1", max_size=32),
        fetched=st.integers(0, 1 << 40),
        failed=st.none() | st.integers(0, 1 << 40),
    )
)
def test_whatever_is_remembered(database: Opener, known: Remembered) -> None:
    async def run() -> None:
        async with database() as db:
            await db.write(lambda tx: sts_policies.write(tx, "other.test", known, START))
            assert await db.read(lambda tx: sts_policies.read(tx, "other.test")) == known

    asyncio.run(run())
