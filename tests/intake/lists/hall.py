"""A mailing list at ``local.test``, and the end of the queue that hands letters to it."""

import contextlib
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import msgspec

from postroom.address import Address
from postroom.delivery.here import Message
from postroom.directory import list_members, lists
from postroom.directory.list_members import Role
from postroom.directory.lists import MailingList, Settings
from postroom.errors import MailError
from postroom.intake.waiting import Waiting
from postroom.queue.claimed import Recipient
from postroom.queue.rows import HELD, Inward, Queued
from tests.conftest import Opener
from tests.directory.town import at
from tests.intake.desk import Desk, desk, said, send

OWN = "From: Bob <bob@local.test>\r\nTo: dev@local.test\r\nSubject: Hello\r\n"
POST = (OWN + "Message-ID: <1@local.test>\r\n\r\nHi.\r\n").encode()


async def _blocks(octets: bytes) -> AsyncIterator[bytes]:
    yield octets


class Hall:
    """``dev@local.test`` with bob, and ann and cid from elsewhere; alice is its owner."""

    def __init__(self, here: Desk) -> None:
        self.here = here
        self.waiting = Waiting(here.services)
        self.refused: list[tuple[str, str]] = []
        """Recipients that were refused at the end of the queue, and why."""

    async def settle(self, **settings: object) -> None:
        ids = self.here.ids
        first = msgspec.structs.replace(Settings(), **settings)
        made = MailingList(ids.next(), at("dev@local.test"), first, 1, ("", ""))
        await self.here.town.directory.change(lambda tx: lists.add(tx, made, ids.next()))
        await self.join("owner", "alice@local.test")
        await self.join("member", "bob@local.test", "ann@client.example", "cid@else.example")

    async def join(self, role: Role, *addresses: str) -> None:
        of, ids = await self.found(), self.here.ids
        new = [(ids.next(), at(one)) for one in addresses]
        await self.here.town.directory.change(
            lambda tx: list_members.add(tx, of.id, role, new, self.here.clock())
        )

    async def change(self, **settings: object) -> None:
        of = await self.found()
        new = msgspec.structs.replace(of.settings, **settings)
        await self.here.town.directory.change(lambda tx: lists.change(tx, of, new))

    async def found(self) -> MailingList:
        return await self.here.town.directory.look(
            lambda tx: lists.require(tx, at("dev@local.test"))
        )

    async def members(self) -> list[str]:
        of = await self.found()
        found = await self.here.town.directory.look(
            lambda tx: list_members.page(tx, of.id, "", 1_000)
        )
        return [str(one.address) + " (suspended)" * one.is_suspended for one in found]

    async def work(self) -> None:
        """Do what the queue has for the list, until it has nothing more."""
        while await self._step():
            pass

    async def _step(self) -> bool:
        rows = await self.here.db.read(
            lambda tx: tx.all(
                "SELECT q.id, q.sender, q.size, q.accepted, q.account_id, q.prefix, q.origin,"
                " q.blob_id, d.number, d.recipient, d.orcpt, d.notify, d.inward FROM queued q"
                f" JOIN delivery d ON d.queued_id = q.id WHERE d.status <> {HELD} ORDER BY q.id"
            )
        )
        for ident, sender, size, accepted, account, prefix, origin, blob, *of in rows:
            letter = Queued(
                id=ident, blob_id=blob, sender=bytes(sender), size=size, accepted=accepted,
                account_id=account, prefix=bytes(prefix), origin=origin,
            )  # fmt: skip
            number, recipient, orcpt, notify, inward = of
            row = Recipient(
                ident, number, bytes(recipient), "local.test", orcpt, notify, 0, False, None, "",
                inward=None if inward is None else msgspec.json.decode(inward, type=Inward),
            )  # fmt: skip
            found = await self.here.town.directory.resolve(Address.parse(row.address.decode()))
            if found.list_id:
                octets = await self._octets(blob)
                end = octets.index(b"\r\n\r\n") + 4
                await self._hand(
                    Message(
                        letter=letter,
                        found=found,
                        recipient=row,
                        head=letter.prefix + octets[:end],
                        body=partial(_blocks, octets[end:]),
                    )
                )
                return True
        return False

    async def _hand(self, message: Message) -> None:
        letter, row = message.letter, message.recipient
        try:
            taken = await self.waiting.take(message)
        except MailError as error:
            self.refused.append((row.address.decode(), f"{error.code} {error.status}"))
        else:
            assert taken is not None
            await self.here.post.commit(taken[0])
            await taken[1]()
        await self.here.db.write(
            lambda tx: tx.execute(
                "DELETE FROM delivery WHERE queued_id = :id AND number = :number",
                id=letter.id,
                number=row.number,
            )
        )

    async def _octets(self, blob: int) -> bytes:
        return b"".join([one async for one in self.here.blobs.stream(self.here.db, blob)])

    async def senders(self) -> dict[str, str]:
        """By recipient, the senders of what waits."""
        rows = await self.here.db.read(
            lambda tx: tx.all(
                "SELECT d.recipient, q.sender FROM delivery d JOIN queued q ON q.id = d.queued_id"
            )
        )
        return {bytes(to).decode(): bytes(sender).decode() for to, sender in rows}


@contextlib.asynccontextmanager
async def hall(database: Opener, data: Path, **settings: object) -> AsyncIterator[Hall]:
    async with desk(database, data) as here:
        one = Hall(here)
        await one.settle(**settings)
        yield one


async def posted(one: Hall, octets: bytes = POST, to: str = "dev@local.test") -> str:
    """Bob writes to the list; what the door says."""
    bob = await one.here.logged_in(one.here.bob)
    (answer,) = await send(bob, to, octets=octets, sender="bob@local.test")
    await one.work()
    return said(answer)
