"""Whose rights count for authorized URLs: the rest is in the transcript."""

import asyncio
from pathlib import Path

import pytest

from postroom.access.quoting import read
from postroom.access.urlauth import UrlAuth, submitted
from postroom.directory.login import Identity
from postroom.protocol.imap.urls import BadUrl
from postroom.store.spans import Span
from tests.access.neighbours import ALICE, BOB, CAROL, PEOPLE, Neighbours, neighbours
from tests.access.shop import put
from tests.conftest import Opener

LETTER = b"Subject: x\r\n\r\nbody\r\n"


def identity(who: int) -> Identity:
    address = next(address for address, ident in PEOPLE.items() if ident == who)
    return Identity(who, address, "", False, 1)


def of(people: Neighbours, who: int) -> UrlAuth:
    async def known(address: str) -> Identity | None:
        ident = PEOPLE.get(address.lower())
        return None if ident is None else identity(ident)

    return UrlAuth(identity(who), people.store, people.directory, people.places(who), known)


async def octets(urls: UrlAuth, url: bytes) -> bytes:
    _, quoted = await urls.find(url)
    return b"".join([piece async for piece in read(quoted)])


def test_who_submits_has_urls_of_their_own(database: Opener, data: Path) -> None:
    """RFC 4467 §6.2.2: for the submission of that person, and for nothing else."""

    async def run() -> None:
        async with neighbours(database, data) as people:
            await put(people.store, LETTER, account_id=ALICE)
            rump = b"imap://alice%40demo.test@host/INBOX/;UID=1"

            async def submits(who: int, url: bytes) -> bytes | None:
                urls = of(people, who)
                found = await submitted(
                    identity(who),
                    url.decode(),
                    store=people.store,
                    sharing=people.directory,
                    known=urls._known,
                )
                if found is None:
                    return None
                octets = b"".join([piece async for piece in found[1]])
                assert len(octets) == found[0]
                return octets

            make = of(people, ALICE).generate
            url = await make(rump + b";URLAUTH=submit+alice%40demo.test")
            assert await submits(ALICE, url) == LETTER
            assert await submits(BOB, url) is None
            for who in (ALICE, BOB):
                with pytest.raises(BadUrl):
                    await of(people, who).find(url)
            part = await make(rump + b"/;SECTION=TEXT;URLAUTH=submit+bob%40demo.test")
            assert await submits(BOB, part) == b"body\r\n"
            assert await submits(ALICE, part) is None
            for other in (b"user+alice%40demo.test", b"authuser", b"anonymous"):
                assert await submits(ALICE, await make(rump + b";URLAUTH=" + other)) is None
            late = b";EXPIRE=1999-01-01T00:00:00Z;URLAUTH=submit+alice%40demo.test"
            assert await submits(ALICE, await make(rump + late)) is None
            assert await submits(ALICE, url[:-1] + (b"0" if url[-1:] != b"0" else b"1")) is None
            assert await submits(ALICE, b"imap://other.test/x") is None
            await of(people, ALICE).reset("INBOX")
            assert await submits(ALICE, url) is None

    asyncio.run(run())


def test_what_is_expunged_while_it_is_read_ends_the_message(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with neighbours(database, data) as people:
            await put(people.store, LETTER, account_id=ALICE)
            urls = of(people, ALICE)
            url = await urls.generate(
                b"imap://alice%40demo.test@host/INBOX/;UID=1;URLAUTH=submit+alice%40demo.test"
            )
            found = await submitted(
                identity(ALICE),
                url.decode(),
                store=people.store,
                sharing=people.directory,
                known=urls._known,
            )
            assert found is not None
            await people.store.expunge(ALICE, ALICE, Span(1, 1), flagged=False)
            heard = [piece async for piece in found[1]]
            assert b"".join(heard) == LETTER  # what was begun can be finished: the blob is there

    asyncio.run(run())


def test_the_rights_of_the_owner_of_that_moment_count(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with neighbours(database, data) as people:
            await put(people.store, LETTER, account_id=ALICE)
            await people.share(ALICE, "INBOX", "bob@demo.test", "lr")
            name = b"Other%20Users/alice%40demo.test/INBOX"
            url = await of(people, BOB).generate(
                b"imap://BOB%40demo.test@host/" + name + b"/;UID=1;URLAUTH=user+Carol%40demo.test"
            )
            assert await octets(of(people, CAROL), url) == LETTER
            for who in (ALICE, BOB):
                with pytest.raises(BadUrl):
                    await of(people, who).find(url)
            await people.share(ALICE, "INBOX", "bob@demo.test", "l")
            with pytest.raises(BadUrl):
                await of(people, CAROL).find(url)
            await people.share(ALICE, "INBOX", "bob@demo.test", "lr")
            assert await octets(of(people, CAROL), url) == LETTER
            # the key is bob's, so alice's has nothing to do with it
            await of(people, ALICE).reset(None)
            assert await octets(of(people, CAROL), url) == LETTER
            await of(people, BOB).reset("Other Users/alice@demo.test/INBOX")
            with pytest.raises(BadUrl):
                await of(people, CAROL).find(url)

    asyncio.run(run())


def test_a_url_ends_with_its_mailbox_and_its_time(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with neighbours(database, data) as people:
            alice, bob = of(people, ALICE), of(people, BOB)
            await people.folders(ALICE).create("Work")
            await put(people.store, LETTER, account_id=ALICE, mailbox="Work")
            start = b"imap://alice%40demo.test@host/Work/;UID=1"
            url = await alice.generate(start + b";URLAUTH=authuser")
            assert await octets(bob, url) == LETTER
            await people.folders(ALICE).delete("Work")
            await people.folders(ALICE).create("Work")
            await put(people.store, LETTER, account_id=ALICE, mailbox="Work")
            with pytest.raises(BadUrl):
                await bob.find(url)
            soon = b";EXPIRE=2999-01-01T00:00:00Z;URLAUTH=authuser"
            assert await octets(bob, await alice.generate(start + soon)) == LETTER
            with pytest.raises(BadUrl):
                await bob.find(await alice.generate(start + soon.replace(b"2999", b"1999")))

    asyncio.run(run())
