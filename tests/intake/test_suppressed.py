"""Who is not written to, and the mark that messages leave with."""

import asyncio
from pathlib import Path

import pytest

from postroom.config.suppression import Suppression
from postroom.db.database import Tx
from postroom.directory import domain_suppressions, domains, suppressions
from postroom.directory.suppressions import Suppressed
from postroom.message import headers
from postroom.post import suppression
from postroom.telemetry.session_events import RecipientRefused
from tests.conftest import Opener
from tests.delivery.station import alone
from tests.fakes import Recorder
from tests.intake.desk import BOBS, Desk, desk, mail, rcpt, said, send

FIELD = b"cfbl-feedback-id"


async def suppress(here: Desk, *addresses: str, **more: object) -> None:
    members = {"kind": "bounce", "at": here.clock(), "until": here.clock() + 1_000, **more}
    some = [Suppressed(one, **members) for one in addresses]  # type: ignore[arg-type]

    def write(tx: Tx) -> None:
        suppressions.put(tx, here.bob.id, some)

    await here.town.directory.change(write)


async def asked(here: Desk, recipient: str, door: str = "api") -> str:
    one = await here.logged_in(here.bob, door)
    await one.mail(mail("bob@local.test"))
    answer = await one.rcpt(rcpt(recipient))
    await one.close()
    return f"{said(answer)} {answer.lines[0]}"


def test_a_program_hears_why_and_what_to_do(database: Opener, data: Path, events: Recorder) -> None:
    async def run() -> None:
        async with desk(database, data) as here:
            await suppress(here, "Gone@far.test", reason="mx.far.test: 550 5.1.1 No such user")
            await suppress(here, "angry@far.test", kind="complaint")
            await suppress(here, "no@far.test", kind="hand", until=0)
            assert await asked(here, "gone@FAR.test") == (
                "550 5.7.1 gone@far.test is on the suppression list of bob@local.test since"
                " 2026-09-21, until 2026-09-21: a message to it came back (mx.far.test: 550 5.1.1"
                " No such user); to write there again, take it off the list: postroom suppression"
                " remove bob@local.test gone@far.test"
            )
            assert "its owner has called a message spam; to" in await asked(here, "angry@far.test")
            assert "since 2026-09-21: somebody has put it" in await asked(here, "no@far.test")
            refused = events.of(RecipientRefused)[0]
            assert refused.reason == "it is on the suppression list of the account"
            assert (await asked(here, "other@far.test")).startswith("250")
            here.clock.advance(seconds=2)
            assert (await asked(here, "gone@far.test")).startswith("250")
            assert (await asked(here, "no@far.test")).startswith("550")

    asyncio.run(run())


@pytest.mark.parametrize(
    ("settings", "door", "code"),
    [
        (Suppression(), "submission", "250"),
        (Suppression(), "web", "250"),
        (Suppression(scope="all"), "submission", "550"),
        (Suppression(scope="off"), "api", "250"),
    ],
)
def test_whose_mail_is_kept_from_it(
    data: Path, tmp_path: Path, settings: Suppression, door: str, code: str
) -> None:
    async def run() -> None:
        async with desk(alone(tmp_path), data) as here:
            here.change(suppression=settings)
            await suppress(here, "gone@far.test")
            assert (await asked(here, "gone@far.test", door)).startswith(code)
            stranger = here.open("smtp", relay=True)
            await stranger.mail(mail())
            assert (await stranger.rcpt(rcpt("gone@far.test"))).is_positive

    asyncio.run(run())


def test_an_address_here_is_never_refused_for_it(data: Path, tmp_path: Path) -> None:
    async def run() -> None:
        async with desk(alone(tmp_path), data) as here:
            await here.town.alias("all@local.test", "gone@far.test", "alice@local.test")
            await here.town.alias("away@local.test", "gone@far.test")
            await suppress(here, "alice@local.test", "gone@far.test", "all@local.test")
            for recipient in ("alice@local.test", "all@local.test", "away@local.test"):
                assert (await asked(here, recipient)).startswith("250")

    asyncio.run(run())


def test_a_refused_recipient_counts_to_no_limit(data: Path, tmp_path: Path) -> None:
    async def run() -> None:
        async with desk(alone(tmp_path), data) as here:
            await suppress(here, "gone@far.test")
            one = await here.logged_in(here.bob, "api")
            await one.mail(mail("bob@local.test"))
            for _ in range(3):
                assert not (await one.rcpt(rcpt("gone@far.test"))).is_positive
            window = here.sending._windows.get(here.bob.id)
            assert window is None or window.held == 0
            await one.close()

    asyncio.run(run())


async def prefix(here: Desk, door: str, octets: bytes = BOBS) -> tuple[int, bytes]:
    """The message that was queued last, and what stands before it."""
    one = await here.logged_in(here.bob, door)
    (answer,) = await send(one, "x@far.test", octets=octets, sender="bob@local.test")
    assert said(answer) == "250 2.0.0"
    await one.close()
    row = await here.db.read(lambda tx: tx.one("SELECT max(id) FROM queued"))
    assert row is not None
    return row[0], (await here.queued())["prefix"]


def test_only_what_may_fill_a_list_carries_a_mark(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with desk(database, data) as here:
            ident, found = await prefix(here, "api")
            mark = headers.value(found + b"\r\n", FIELD)
            assert mark is not None
            key = here.town.directory.secrets.feedback
            assert suppression.marked(mark.decode(), key) == ident
            _, plain = await prefix(here, "submission")
            assert plain == b""
            _, own = await prefix(here, "api", b"CFBL-Feedback-ID: mine\r\n" + BOBS)
            assert own == b""

    asyncio.run(run())


def test_what_came_back_to_another_account_of_a_domain_that_shares(
    database: Opener, data: Path
) -> None:
    async def run() -> None:
        async with desk(database, data) as here:
            own = await here.town.directory.look(
                lambda tx: domains.require(tx, here.alice.address.domain)
            )
            until = here.clock() + 1_000

            def write(tx: Tx) -> None:
                some = [
                    Suppressed("gone@far.test", "bounce", here.clock(), until),
                    Suppressed("no@far.test", "hand", here.clock()),
                    Suppressed("bob@local.test", "bounce", here.clock(), until),
                ]
                suppressions.put(tx, here.alice.id, some)

            await here.town.directory.change(write)
            assert (await asked(here, "gone@far.test")).startswith("250")
            await here.town.directory.change(
                lambda tx: domain_suppressions.share(tx, own, shared=True)
            )
            answer = await asked(here, "gone@far.test")
            assert answer.startswith(
                "550 5.7.1 gone@far.test is on the suppression list of local.test since"
            )
            assert answer.endswith("postroom suppression remove local.test gone@far.test")
            for other in ("no@far.test", "bob@local.test", "new@far.test"):
                assert (await asked(here, other)).startswith("250")
            assert (await asked(here, "gone@far.test", "submission")).startswith("250")
            await suppress(here, "gone@far.test", until=until)
            assert "the suppression list of bob@local.test" in await asked(here, "gone@far.test")
            here.clock.advance(seconds=2)
            assert (await asked(here, "gone@far.test")).startswith("250")

    asyncio.run(run())
