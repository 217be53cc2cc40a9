from collections.abc import Callable

import pytest

from postroom.address import Address
from postroom.admin import accounts, aliases, domains, forwards, roles
from postroom.admin.filters import vacations
from postroom.admin.office import Office
from postroom.admin.trials import destinations
from postroom.directory.vacations import Vacation
from postroom.errors import Invalid
from postroom.intake.forwarding import DAY_MS
from postroom.mailauth import srs
from postroom.store import mailboxes
from tests.access.shop import put
from tests.admin.bureau import Story, receivers
from tests.admin.mailboxes.test_rejects import ANN, BOB, settle
from tests.directory.keys import quick
from tests.fakes import Clock


def test_the_answer_is_that_of_acceptance(tell: Callable[[Story], None]) -> None:
    async def story(office: Office, _clock: Clock) -> None:
        await domains.add(office, "demo.test", generate=quick)
        await accounts.add(office, "a@demo.test", password=None)
        await aliases.add(office, "team@demo.test", ["a@demo.test", "x@other.test"])
        for address in (
            "a@demo.test",
            "a+x@demo.test",
            "team@demo.test",
            "no@demo.test",
            "a@b.test",
        ):
            found = await destinations.find(office, address)
            copies = len(found.accounts) + len(found.elsewhere)
            assert copies == await receivers(office, address)
            assert found.is_taken == bool(copies)
        found = await destinations.find(office, "team@demo.test")
        assert (found.accounts, found.elsewhere) == (("a@demo.test",), ("x@other.test",))
        assert found.via == "team@demo.test"
        await accounts.change(office, "a@demo.test", disabled=True)
        assert "disabled" in (await destinations.find(office, "a@demo.test")).answer
        with pytest.raises(Invalid):
            await destinations.find(office, "nothing")

    tell(story)


def test_an_administrator_of_a_domain_is_told_nothing_of_others(
    tell: Callable[[Story], None],
) -> None:
    async def story(office: Office, _clock: Clock) -> None:
        for name in ("demo.test", "other.test"):
            await domains.add(office, name)
        for address in ("a@demo.test", "b@other.test", "root@other.test"):
            await accounts.add(office, address, password=None, admin=address[0] == "r")
        await forwards.change(office, "b@other.test", to=["b@far.test"])
        await forwards.change(office, "root@other.test", to=["root@far.test"])
        await aliases.add(office, "list@other.test", ["b@other.test", "m@far.test"], hidden=True)
        await aliases.add(office, "x@demo.test", ["list@other.test", "a@demo.test", "b@other.test"])
        await roles.assign(office, "a@demo.test", "admin", ["demo.test"])
        one = await office.directory.known("a@demo.test")
        assert one is not None
        found = await destinations.find(office, "x@demo.test", within=one.account_id)
        assert found.accounts == ("a@demo.test",)
        assert found.elsewhere == ("list@other.test", "b@other.test")
        found = await destinations.find(office, "postmaster@demo.test", within=one.account_id)
        assert (found.is_taken, found.accounts, found.elsewhere, found.more) == (True, (), (), 1)
        found = await destinations.find(office, "x@demo.test")
        assert set(found.elsewhere) == {"b@far.test", "m@far.test"}

    tell(story)


def test_roles_are_taken_before_anybody_administers(tell: Callable[[Story], None]) -> None:
    async def story(office: Office, _clock: Clock) -> None:
        await domains.add(office, "demo.test", generate=quick)
        for address in (
            "postmaster@demo.test", "Abuse@demo.test", "abuse+x@demo.test", "abuse@mx.demo.test",
        ):  # fmt: skip
            found = await destinations.find(office, address)
            assert found.is_taken
            assert "until somebody administers" in found.answer
            assert found.accounts == ()
        assert await receivers(office, "abuse@demo.test") == 1  # now its mailbox is there
        found = await destinations.find(office, "postmaster@demo.test")
        assert (found.is_taken, len(found.accounts)) == (True, 1)

    tell(story)


def test_bounces_of_what_was_forwarded_find_back(tell: Callable[[Story], None]) -> None:
    async def story(office: Office, clock: Clock) -> None:
        await domains.add(office, "demo.test", generate=quick)
        key = office.directory.secrets.srs
        rewritten = srs.encode("x@other.test", "demo.test", key, clock() // DAY_MS)
        found = await destinations.find(office, rewritten)
        assert (found.is_taken, found.elsewhere) == (True, ("x@other.test",))
        forged = Address.parse(rewritten).local.replace("x", "y")
        found = await destinations.find(office, f"{forged}@demo.test")
        assert not found.is_taken
        assert "is refused" in found.answer

    tell(story)


def test_a_full_mailbox_puts_mail_off(tell: Callable[[Story], None]) -> None:
    async def story(office: Office, _clock: Clock) -> None:
        ann, _bob = await settle(office)
        await aliases.add(office, "team@demo.test", [ANN, BOB])
        await office.store.furnish(ann)
        await accounts.change(office, ANN, message_quota=1)
        assert (await destinations.find(office, ANN)).is_taken
        await put(office.store, b"Subject: x\r\n\r\n", account_id=ann, mailbox="INBOX", prefix=b"")
        found = await destinations.find(office, ANN)
        assert not found.is_taken
        assert found.answer.endswith(f"the mailbox of {ANN} is full")
        found = await destinations.find(office, "team@demo.test")
        assert found.is_taken
        assert found.answer.endswith(f"the mailbox of {ANN} is full, its copy waits for room")
        assert (await destinations.find(office, BOB)).is_taken

    tell(story)


def test_what_else_happens_is_told(
    tell: Callable[[Story], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(destinations, "MAX_SHOWN", 1)

    async def story(office: Office, _clock: Clock) -> None:
        ann, _bob = await settle(office)
        ids = [office.ids.next()]
        await office.store.write(mailboxes.create, ann, "Work", None, ids, office.now())
        assert (await destinations.find(office, "ann+work@demo.test")).notes == (
            f"At {ANN} it is filed in Work.",
        )
        await vacations.change(office, ANN, Vacation("Away to the sea."))
        await domains.set_journal(office, "demo.test", "j@other.test")
        found = await destinations.find(office, ANN)
        assert found.notes == (
            f"The rules or the script of {ANN} may do something else with it.",
            "The journal of demo.test has a copy: j@other.test.",
        )
        await aliases.add(office, "all@demo.test", [ANN, BOB, "x@other.test", "y@other.test"])
        found = await destinations.find(office, "all@demo.test")
        assert (found.accounts, found.elsewhere, found.more) == ((ANN,), ("x@other.test",), 2)
        assert (await destinations.find(office, "nobody@demo.test")).notes == ()

    tell(story)
