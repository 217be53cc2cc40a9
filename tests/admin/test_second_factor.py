import base64
from collections.abc import Callable

import pyotp
import pytest

from postroom.admin import accounts, audit, domains, second_factor
from postroom.admin.office import Office
from postroom.directory.second_factor import STEP_MS
from postroom.errors import Invalid, NotFound, Refused
from tests.admin.bureau import Story
from tests.directory.keys import quick
from tests.fakes import Clock

Tell = Callable[[Story], None]
BOB = "bob@demo.test"


async def enrolled(office: Office, clock: Clock, *, opens_mail: bool = False) -> tuple[str, ...]:
    """Bob with a second factor; his recovery codes."""
    await domains.add(office, "demo.test", generate=quick)
    await accounts.add(office, BOB, password="a-Good-one-1")
    await second_factor.begin(office, BOB)
    return await second_factor.enable(office, BOB, await code(office, clock), opens_mail=opens_mail)


async def code(office: Office, clock: Clock, later: int = 0) -> str:
    """What an app shows, ``later`` steps from now."""
    key = (await second_factor.enrolment(office, BOB)).key
    return pyotp.TOTP(key).generate_otp(clock() // STEP_MS + later)


def test_it_is_in_force_when_the_app_has_shown_that_it_has_the_key(tell: Tell) -> None:
    async def story(office: Office, clock: Clock) -> None:
        await domains.add(office, "demo.test", generate=quick)
        await accounts.add(office, BOB, password="a-Good-one-1")
        assert (await second_factor.show(office, BOB)).state == "off"
        await second_factor.begin(office, BOB)
        first = await second_factor.enrolment(office, BOB)
        assert len(base64.b32decode(first.key)) == 20
        assert first.uri.startswith("otpauth://totp/mx.demo.test:bob%40demo.test?secret=")
        await second_factor.begin(office, BOB)
        assert (await second_factor.enrolment(office, BOB)).key != first.key
        assert (await second_factor.show(office, BOB)).state == "begun"
        with pytest.raises(Invalid, match="not right"):
            await second_factor.enable(office, BOB, "000000", opens_mail=True)
        assert (await second_factor.show(office, BOB)).state == "begun"
        codes = await second_factor.enable(office, BOB, await code(office, clock), opens_mail=True)
        found = await second_factor.show(office, BOB)
        assert (found.state, found.recovery_codes, found.opens_mail) == ("on", 10, True)
        assert len(codes) == 10
        with pytest.raises(NotFound):
            await second_factor.enrolment(office, BOB)
        with pytest.raises(Refused, match="on already"):
            await second_factor.begin(office, BOB)
        with pytest.raises(NotFound):
            await second_factor.enable(office, BOB, codes[0], opens_mail=True)

    tell(story)


def test_it_is_taken_away_with_a_code_or_by_the_postmaster(tell: Tell) -> None:
    async def story(office: Office, clock: Clock) -> None:
        codes = await enrolled(office, clock)
        with pytest.raises(Invalid):
            await second_factor.disable(office, BOB, "000000")
        assert (await second_factor.show(office, BOB)).state == "on"
        await second_factor.disable(office, BOB, codes[0])
        assert (await second_factor.show(office, BOB)).state == "off"
        for call in (
            second_factor.disable(office, BOB, codes[1]),
            second_factor.renew_codes(office, BOB, codes[1]),
            second_factor.reset(office, BOB),
        ):
            with pytest.raises(NotFound, match="no second factor"):
                await call
        await second_factor.begin(office, BOB)
        await second_factor.reset(office, BOB)
        assert (await second_factor.show(office, BOB)).state == "off"

    tell(story)


def test_new_recovery_codes_end_the_old_ones(tell: Tell) -> None:
    async def story(office: Office, clock: Clock) -> None:
        codes = await enrolled(office, clock)
        new = await second_factor.renew_codes(office, BOB, codes[0])
        assert not set(new) & set(codes)
        with pytest.raises(Invalid):
            await second_factor.disable(office, BOB, codes[1])
        await second_factor.disable(office, BOB, new[0])

    tell(story)


def test_it_goes_with_the_account(tell: Tell) -> None:
    async def story(office: Office, clock: Clock) -> None:
        await enrolled(office, clock)

        async def erase(_ident: int) -> None:
            return

        await accounts.remove(office, BOB)
        clock.advance(seconds=31 * 86_400)
        await accounts.purge_removed(office, office.now(), erase)
        for table in ("second_factor", "recovery_code"):
            assert await office.db.read(
                lambda tx, table=table: tx.one(f"SELECT count(*) FROM {table}")  # type: ignore[misc]
            ) == (0,)

    tell(story)


def test_a_wrong_code_is_nothing_that_was_done(tell: Tell) -> None:
    async def story(office: Office, clock: Clock) -> None:
        async def done() -> list[str]:
            found = [one.action async for one in audit.every(office)]
            return [one for one in reversed(found) if "second-factor" in one]

        await domains.add(office, "demo.test", generate=quick)
        await accounts.add(office, BOB, password="a-Good-one-1")
        await second_factor.begin(office, BOB)
        with pytest.raises(Invalid):
            await second_factor.enable(office, BOB, "000000", opens_mail=False)
        assert await done() == ["account.second-factor.begin"]
        codes = await second_factor.enable(office, BOB, await code(office, clock), opens_mail=False)
        for call in (second_factor.disable, second_factor.renew_codes):
            with pytest.raises(Invalid):
                await call(office, BOB, "000000")
        assert await done() == ["account.second-factor.begin", "account.second-factor.enable"]
        await second_factor.disable(office, BOB, codes[0])
        assert (await done())[2:] == ["account.second-factor.disable"]

    tell(story)
