"""The letter that tells a person that the mailbox is nearly full.

``Filed.warning`` says when one is due (``store.usage.warning_due``: at 80 and 95 % of the
quota, once each). After the commit its account and level are handed to ``warn``. The notice
goes into the mailbox it is about (``post.notice``), full or not, wherever its owner forwards
letters to; it is marked as made by a machine (RFC 3834 §5).
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from functools import partial
from typing import Final

import msgspec

from postroom.db.ids import to_text
from postroom.directory.expand import Local
from postroom.message import dates
from postroom.message.compose import Draft, Person, compose
from postroom.post import notice as notices
from postroom.post.commit import Post
from postroom.post.letter import Letter
from postroom.quota import NO_QUOTA, Quota
from postroom.store.store import Store
from postroom.telemetry.trouble import quietly

AddressOf = Callable[[int], Awaitable[str]]

_TEXT: Final = """\
Your mailbox {address} is {percent} % full.

{room} When it is full, no more mail can be
delivered to you: senders are asked to try again, and give up after a few days.

What helps: empty the folders Trash and Junk, delete messages with large attachments, or
ask your postmaster for more room.
"""


class Notice(msgspec.Struct, frozen=True):
    """What goes into the letter."""

    account_id: int
    address: str
    percent: int
    octets: int
    messages: int
    quota: Quota


class Warner:
    """Sends the warnings of one process, in the background. Used on one loop."""

    def __init__(self, store: Store, address_of: AddressOf, hostname: str) -> None:
        self._store = store
        self._address_of = address_of
        self._hostname = hostname
        self._tasks: set[asyncio.Task[int]] = set()

    def send(self, post: Post, due: Iterable[tuple[int, int]]) -> None:
        """Mailboxes are nearly full: (account, percent) each. ``post`` commits the letters."""
        telling = warn(
            self._store, post, tuple(due), address_of=self._address_of, hostname=self._hostname
        )
        task = asyncio.get_running_loop().create_task(telling)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """Once all have been sent."""
        await asyncio.gather(*self._tasks, return_exceptions=True)


async def warn(
    store: Store,
    post: Post,
    due: Iterable[tuple[int, int]],
    *,
    address_of: AddressOf,
    hostname: str,
) -> int:
    """Send the warnings that are due, (account, percent) each; how many were sent.

    ``address_of`` asks the directory for the account's main address. One that can't be sent is told
    to the operator, and keeps none of the others.
    """

    async def send(account_id: int, percent: int) -> None:
        used = await store.usage(account_id)
        notice = Notice(
            account_id=account_id,
            address=await address_of(account_id),
            percent=percent,
            octets=used.octets,
            messages=used.messages,
            quota=await store.quota_of(account_id),
        )
        await post.commit(letter_of(store, notice, hostname))

    sent = 0
    for pair in sorted(set(due)):
        sent += await quietly("warnings of full mailboxes", partial(send, *pair))
    return sent


def letter_of(store: Store, notice: Notice, hostname: str) -> Letter:
    """The notice, ready to be committed."""
    now, ident = store.clock(), store.ids.next()
    octets = compose(
        Draft(
            sender=Person(f"postmaster@{hostname}", "Mail system"),
            to=(Person(notice.address),),
            subject=f"Your mailbox is {notice.percent} % full",
            date=dates.write(now),
            message_id=f"{to_text(ident)}@{hostname}",
            text=_TEXT.format(
                address=notice.address,
                percent=notice.percent,
                room=_room(notice),
            ),
            more=(("Auto-Submitted", "auto-generated"), ("X-Priority", "2")),
        )
    )
    return notices.written(
        store, octets, local=(Local(notice.account_id, notice.address, None, quota=NO_QUOTA),)
    )


def _room(notice: Notice) -> str:
    """What is used of what."""
    quota, used, messages = notice.quota, readable(notice.octets), f"{notice.messages} messages"
    if not quota.octets:
        return f"It holds {messages} of at most {quota.messages}."
    if quota.messages:
        messages += f" of at most {quota.messages}"
    return f"{used} of {readable(quota.octets)} are used by {messages}."


def readable(octets: int) -> str:
    """A size for people: ``1.5 GiB``."""
    size = float(octets)
    for unit in ("octets", "KiB", "MiB", "GiB"):
        if size < 1024:
            return f"{size:.0f} {unit}" if unit == "octets" else f"{size:.1f} {unit}"
        size /= 1024
    return f"{size:.1f} TiB"
