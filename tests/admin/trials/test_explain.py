"""Checks that are shown: of messages as they came, and of files."""

import asyncio
import dataclasses
from pathlib import Path
from typing import Final

import msgspec
import pytest

from postroom.admin.office import Office
from postroom.admin.trials import explain
from postroom.admin.trials.explain import Explanation
from postroom.config.model import Config
from postroom.errors import NotFound, Refused
from tests.conftest import Opener
from tests.intake.desk import Desk, desk
from tests.intake.test_examine import FORGER, LARGE, LETTER, brought, checking
from tests.policy.test_origin import signed, zone

CHECKS: Final = ["iprev", "spf of MAIL FROM", "spf of HELO", "dkim", "dmarc"]

PASSES: Final = {"iprev=pass", "spf=pass", "dkim=pass", "dmarc=pass"}


def office(here: Desk) -> Office:
    return Office(
        config=Config(hostname="mx.local.test", data=str(here.data)),
        db=here.db,
        directory=here.town.directory,
        store=here.store,
        blobs=here.blobs,
        notify=here.notify,
        ids=here.ids,
        clock=here.clock,
    )


def results(found: Explanation) -> list[str]:
    return [result.partition(" ")[0] for check in found.checks for result in check.results]


@pytest.mark.parametrize("octets", [LETTER, LARGE], ids=["small", "large"])
def test_an_accepted_message(database: Opener, data: Path, octets: bytes) -> None:
    async def run() -> None:
        async with desk(database, data) as here:
            checking(here)
            await brought(here, signed(octets))
            found = await explain.letter(office(here), "<1@a.test>", zone())
            assert (found.address, found.helo) == ("192.0.2.1", "mx.a.test")
            assert found.sender == "ann@a.test"
            assert [check.check for check in found.checks] == CHECKS
            assert set(results(found)) == PASSES
            (noted,) = found.noted
            assert all(result in noted for check in found.checks for result in check.results)
            asked = {(one.type, one.name) for check in found.checks for one in check.questions}
            assert {
                ("PTR", "1.2.0.192.in-addr.arpa"),
                ("TXT", "a.test"),
                ("TXT", "e1._domainkey.a.test"),
                ("TXT", "_dmarc.a.test"),
            } <= asked
            policy, top = found.checks[-1].questions
            assert policy.answer == ("v=DMARC1; p=reject",)
            assert (top.name, top.answer) == ("_dmarc.test", ())

    asyncio.run(run())


def test_the_dns_of_now_may_say_otherwise(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with desk(database, data) as here:
            checking(here, policy="none")
            await brought(here, LETTER, address=FORGER)
            names = zone("reject")
            names.failing = {"x.a.test", "9.113.0.203.in-addr.arpa"}
            found = await explain.letter(office(here), "1@a.test", names)
            assert "dmarc=fail (p=none" in found.noted[0]
            dmarc, spam = found.verdicts
            assert dmarc.startswith("dmarc: refuse, the message is not from a.test as it says")
            assert spam.startswith("spam: pass, ")
            assert "+1.5 the message is not from the domain in its From" in spam
            whole = office(here)
            off = msgspec.structs.replace(whole.config.spam, enabled=False)
            config = msgspec.structs.replace(whole.config, spam=off)
            without = dataclasses.replace(whole, config=config)
            assert (await explain.letter(without, "1@a.test", names)).verdicts == (dmarc,)
            assert found.checks[0].questions[0].problem == "SERVFAIL"

    asyncio.run(run())


def test_without_questions_there_is_what_was_noted(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with desk(database, data) as here:
            checking(here)
            await brought(here, LETTER)
            found = await explain.letter(office(here), "1@a.test", None)
            assert found.noted
            assert found.checks == ()

    asyncio.run(run())


def test_a_message_that_has_gone(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with desk(database, data) as here:
            checking(here)
            await brought(here, LETTER)
            await here.db.write(lambda tx: tx.execute("DELETE FROM entry"))
            names = zone()
            found = await explain.letter(office(here), "1@a.test", names)
            assert found.noted
            assert found.checks == ()
            assert names.asked == []
            with pytest.raises(NotFound):
                await explain.letter(office(here), "other@a.test", names)

    asyncio.run(run())


def test_over_lmtp_the_address_tells_nothing(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with desk(database, data) as here:
            checking(here)
            await brought(here, signed(LETTER), door="lmtp")
            found = await explain.letter(office(here), "1@a.test", zone())
            assert [check.check for check in found.checks] == ["dkim"]

    asyncio.run(run())


def test_a_file_with_lines_of_any_kind(database: Opener, data: Path, tmp_path: Path) -> None:
    async def run() -> None:
        async with desk(database, data) as here:
            path = tmp_path / "letter.eml"
            path.write_bytes(signed(LARGE).replace(b"\r\n", b"\n"))
            found = await explain.file(
                office(here), path, zone(), address="192.0.2.1", helo="mx.a.test", sender="x@a.test"
            )
            assert [check.check for check in found.checks] == CHECKS
            assert set(results(found)) == PASSES
            alone = await explain.file(office(here), path, zone())
            assert [check.check for check in alone.checks] == ["dkim"]
            with pytest.raises(Refused, match="no IP address"):
                await explain.file(office(here), path, zone(), address="mx.a.test")
            with pytest.raises(Refused, match="no file"):
                await explain.file(office(here), tmp_path / "other", zone())

    asyncio.run(run())


def test_a_file_from_a_mailbox_tells_who_brought_it(
    database: Opener, data: Path, tmp_path: Path
) -> None:
    async def run() -> None:
        async with desk(database, data) as here:
            checking(here)
            await brought(here, signed(LETTER))
            path = tmp_path / "letter.eml"
            path.write_bytes((await here.inbox(here.bob))[0])
            found = await explain.file(office(here), path, zone())
            assert (found.address, found.helo) == ("192.0.2.1", "mx.a.test")
            assert found.sender == "ann@a.test"
            assert set(results(found)) == PASSES

    asyncio.run(run())
