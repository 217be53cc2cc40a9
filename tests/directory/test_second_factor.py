"""Codes count once, near their time; guesses are few; what is kept gives nothing away."""

import asyncio
import base64
from collections.abc import Awaitable, Callable

import pyotp

from postroom.directory import accounts, second_factor
from postroom.directory.second_factor import (
    FREE_FAILURES,
    LONGEST_LOCK_MS,
    STEP_MS,
    Outcome,
    locked_for,
)
from tests.directory.town import Town, Towns, at

BOB = "bob@demo.test"
# RFC 6238 appendix B: the secret and, at 59 s and 1111111109 s, the last six digits.
RFC_SECRET = b"12345678901234567890"
RFC_CODES = ((59, "287082"), (1111111109, "081804"), (1234567890, "005924"))


def in_town(town: Towns, story: Callable[[Town, int], Awaitable[None]]) -> None:
    async def run() -> None:
        async with town() as t:
            await t.domain("demo.test")
            await t.account(BOB)
            await t.password(BOB, "a-Good-one-1")
            await story(t, (await t.directory.look(lambda tx: accounts.require(tx, at(BOB)))).id)

    asyncio.run(run())


async def begun(t: Town, account: int, secret: bytes = RFC_SECRET) -> None:
    keys = t.directory.secrets
    await t.directory.change(lambda tx: second_factor.begin(tx, account, secret, keys, t.clock()))


async def check(t: Town, account: int, code: str, now: int) -> Outcome:
    keys = t.directory.secrets
    return await t.directory.change(lambda tx: second_factor.check(tx, account, code, keys, now))


def code_at(now: int, secret: bytes = RFC_SECRET) -> str:
    return pyotp.TOTP(base64.b32encode(secret).decode()).generate_otp(now // STEP_MS)


def test_codes_are_those_of_the_rfc(town: Towns) -> None:
    async def story(t: Town, bob: int) -> None:
        await begun(t, bob)
        for seconds, code in RFC_CODES:
            assert await check(t, bob, code, seconds * 1000) == "right"

    in_town(town, story)


def test_a_code_counts_once_and_near_its_time(town: Towns) -> None:
    async def story(t: Town, bob: int) -> None:
        await begun(t, bob)
        now = 100 * STEP_MS
        for away in (-2, 2):
            assert await check(t, bob, code_at(now + away * STEP_MS), now) == "wrong"
        code = code_at(now - STEP_MS)
        assert await check(t, bob, f" {code[:3]} {code[3:]} ", now) == "right"
        assert await check(t, bob, code, now) == "wrong"
        assert await check(t, bob, code_at(now + STEP_MS), now) == "right"
        # An earlier one that was never used is over as well.
        assert await check(t, bob, code_at(now), now) == "wrong"
        for text in ("", "12345", "1234567", "\u0661\u0662\u0663\u0664\u0665\u0666", "x" * 500):
            later = now + 1000 * STEP_MS
            assert await check(t, bob, text, later) in {"wrong", "locked"}

    in_town(town, story)


def test_two_at_once_use_a_code_once(town: Towns) -> None:
    async def story(t: Town, bob: int) -> None:
        await begun(t, bob)
        now = 100 * STEP_MS
        found = await asyncio.gather(*(check(t, bob, code_at(now), now) for _ in range(4)))
        assert sorted(found) == ["right", "wrong", "wrong", "wrong"]

    in_town(town, story)


def test_guesses_are_locked_out_for_longer_and_longer(town: Towns) -> None:
    async def story(t: Town, bob: int) -> None:
        await begun(t, bob)
        now, guesses = 100 * STEP_MS, 0
        for _ in range(FREE_FAILURES):
            assert await check(t, bob, "000000", now) == "wrong"
        assert await check(t, bob, code_at(now), now) == "locked"
        for later, left in ((0, 60_000), (59_999, 1), (60_000, 0), (90_000, 0)):
            at_last = now + later
            found = await t.db.read(lambda tx, at_last=at_last: locked_for(tx, bob, at_last))  # type: ignore[misc]
            assert found == left
        assert await t.db.read(lambda tx: locked_for(tx, bob + 1, now)) == 0
        hour, day = now + 3_600_000, now + 86_400_000
        while now < day:
            guesses += await check(t, bob, "000000", now) == "wrong"
            now += 10_000 if now < hour else 120_000
        assert guesses < 35
        now += LONGEST_LOCK_MS
        assert await check(t, bob, code_at(now), now) == "right"
        for _ in range(FREE_FAILURES - 1):
            assert await check(t, bob, "000000", now) == "wrong"
        later = now + STEP_MS
        assert await check(t, bob, code_at(later), later) == "right"

    in_town(town, story)


def test_a_recovery_code_counts_once_for_its_account(town: Towns) -> None:
    async def story(t: Town, bob: int) -> None:
        await begun(t, bob)
        await t.account("eve@demo.test")
        eve = (await t.directory.look(lambda tx: accounts.require(tx, at("eve@demo.test")))).id
        await begun(t, eve, b"another secret of 20")
        keys, now = t.directory.secrets, 100 * STEP_MS
        codes = second_factor.make_codes()
        assert len(set(codes)) == second_factor.RECOVERY_CODES
        await t.directory.change(lambda tx: second_factor.keep_codes(tx, bob, codes, keys))
        assert await check(t, eve, codes[0], now) == "wrong"
        assert await check(t, bob, f" {codes[0].upper().replace('-', '')} ", now) == "right"
        assert await check(t, bob, codes[0], now) == "wrong"
        found = await t.directory.look(lambda tx: second_factor.find(tx, bob, keys))
        assert found is not None
        assert found.recovery_codes == second_factor.RECOVERY_CODES - 1
        rows = str(
            await t.directory.look(
                lambda tx: [
                    tx.all(f"SELECT * FROM {table}") for table in ("recovery_code", "second_factor")
                ]
            )
        )
        assert codes[1] not in rows
        assert RFC_SECRET.decode() not in rows

    in_town(town, story)


def test_the_password_opens_the_browser_only_while_it_is_on(town: Towns) -> None:
    async def story(t: Town, bob: int) -> None:
        directory = t.directory
        device = await t.app_password(BOB)

        async def opens(password: str) -> set[str]:
            return {
                scope
                for scope in ("imap", "smtp", "pop3", "sieve", "web")
                if await directory.password(BOB, password, scope) is not None
            }

        async def candidates(scope: str) -> int:
            return len((await directory.scram(BOB, scope)).candidates)

        mail = {"imap", "smtp", "pop3", "sieve"}
        assert await opens("a-Good-one-1") == mail | {"web"}
        await begun(t, bob)
        assert await opens("a-Good-one-1") == mail | {"web"}

        async def switch(*, opens_mail: bool) -> None:
            def write(tx) -> None:  # type: ignore[no-untyped-def]
                second_factor.enable(tx, bob, 1, opens_mail=opens_mail)
                accounts.bump(tx, bob)

            await directory.change(write)

        await switch(opens_mail=False)
        assert await opens("a-Good-one-1") == {"web"}
        assert await opens(device) == mail
        assert (await candidates("imap"), await candidates("web")) == (1, 1)
        await switch(opens_mail=True)
        assert await opens("a-Good-one-1") == mail | {"web"}
        assert await candidates("imap") == 2
        await switch(opens_mail=False)

        def remove(tx) -> bool:  # type: ignore[no-untyped-def]
            accounts.bump(tx, bob)
            return second_factor.remove(tx, bob)

        assert await directory.change(remove)
        assert not await directory.change(remove)
        assert await opens("a-Good-one-1") == mail | {"web"}

    in_town(town, story)
