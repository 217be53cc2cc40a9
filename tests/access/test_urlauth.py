"""Whose rights count for authorized URLs: the rest is in the transcript."""

import asyncio
from pathlib import Path

import pytest

from postroom.access.quoting import read
from postroom.access.urlauth import UrlAuth
from postroom.directory.login import Identity
from postroom.protocol.imap.urls import BadUrl
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
