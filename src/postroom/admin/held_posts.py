"""Posts to mailing lists that wait for an owner: list them, let them go, turn them away.

To let one go is to release its letter in the queue; what the list does with it then, it does at the
end of the queue.
"""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Final

import msgspec

from postroom.address import Address
from postroom.admin import names, paging, queue
from postroom.admin.office import Office
from postroom.admin.recording import recorded
from postroom.db.database import Tx
from postroom.db.ids import to_text
from postroom.directory import list_keys, lists
from postroom.directory.lists import MailingList
from postroom.errors import NotFound
from postroom.intake.lists.letters import HELD_DAYS
from postroom.ledger import rows as ledger
from postroom.message import dates
from postroom.message.compose import Draft, Person, compose
from postroom.post import notice
from postroom.post.commit import Post
from postroom.queue import held_posts
from postroom.queue.held_posts import HeldPost
from postroom.queue.rows import NOTIFY_KEY, STRANGER

HELD_MS: Final = HELD_DAYS * 24 * 3600 * 1000
"""How long a post waits."""

_TEXT: Final = """\
Your post to the mailing list {list}
was not sent to its members: {because}.

  Subject: {subject}

Questions go to {owner}.
"""
_OWNER: Final = "an owner of the list has turned it away"
_EXPIRED: Final = "no owner of the list has looked at it in time"


class HeldView(msgspec.Struct, frozen=True):
    """A post that waits. ``id`` is its queue id."""

    id: str
    list: str
    since: datetime
    sender: str
    subject: str


async def every(
    office: Office, address: str, *, limit: int | None = None
) -> AsyncIterator[HeldView]:
    """The posts to a list that wait, the oldest first. Raises NotFound."""
    name = names.address(address)
    of = await office.directory.look(lambda tx: lists.require(tx, name))
    async for one in paging.walk(
        office.directory,
        lambda tx, key, most: [
            (post.id, _view(tx, of, post)) for post in _page(tx, of, key[0], most)
        ],
        lambda pair: (pair[0],),
        (0,),
        limit,
    ):
        yield one[1]


@recorded("list.accept", "ident")
async def accept(office: Office, ident: str) -> HeldView:
    """Let a post go to the members. Raises NotFound."""
    _, view = await _find(office, ident)
    await queue.release(office, [view.id])
    return view


@recorded("list.reject", "ident", "because")
async def reject(office: Office, ident: str, because: str = "") -> HeldView:
    """Turn a post away; who sent it is told, if it is known that they did. Raises NotFound."""
    post, view = await _find(office, ident)
    await _turn_away(office, post, view, because or _OWNER)
    return view


async def expire(office: Office) -> None:
    """Turn away what has waited too long."""
    before = office.now() - HELD_MS
    async for post, view in paging.walk(
        office.directory,
        lambda tx, key, most: [
            (one, _of(office, tx, one)) for one in held_posts.before(tx, before, key[0], most)
        ],
        lambda pair: (pair[0].id,),
        (0,),
        None,
    ):
        if view is not None:
            await _turn_away(office, post, view, _EXPIRED)


async def list_of(office: Office, ident: str) -> str:
    """The list that a post waits for. Raises NotFound."""
    return (await _find(office, ident))[1].list


async def _find(office: Office, ident: str) -> tuple[HeldPost, HeldView]:
    number = queue.queue_id(ident)

    def read(tx: Tx) -> tuple[HeldPost, HeldView] | None:
        post = held_posts.find(tx, number)
        found = None if post is None else _of(office, tx, post)
        return None if post is None or found is None else (post, found)

    found = await office.db.read(read)
    if found is None:
        raise NotFound(f"no post {ident} waits for an owner; see: postroom list held ADDRESS")
    return found


def _of(office: Office, tx: Tx, post: HeldPost) -> HeldView | None:
    """The post as it is shown; None for a letter on hold that is none."""
    detail = post.recipient.rpartition("@")[0].partition(list_keys.SEPARATOR)[2]
    key = office.directory.secrets.srs
    opened = list_keys.opened(detail, key, scope=post.id)
    if opened is None or opened[0] != "accepted":
        return None
    of = lists.by_id(tx, opened[1])
    return None if of is None else _view(tx, of, post)


def _page(tx: Tx, of: MailingList, after: int, most: int) -> list[HeldPost]:
    start = f"{of.address.local}{list_keys.SEPARATOR}accepted-"
    return held_posts.page(tx, start, of.address.domain.ascii, after, most)


def _view(tx: Tx, of: MailingList, post: HeldPost) -> HeldView:
    entry = ledger.entry(tx, post.id)
    return HeldView(
        id=to_text(post.id),
        list=str(of.address),
        since=names.moment(post.accepted),
        sender=post.sender,
        subject="" if entry is None else entry.subject,
    )


async def _turn_away(office: Office, post: HeldPost, view: HeldView, because: str) -> None:
    """The notice first: that one is sent twice is better than that none is."""
    if post.origin != STRANGER and post.sender:
        owner = view.list.replace("@", f"{list_keys.SEPARATOR}{list_keys.OWNER}@")
        draft = Draft(
            sender=Person(owner),
            to=[Person(post.sender)],
            subject=f"Your post to {view.list}",
            text=_TEXT.format(list=view.list, because=because, subject=view.subject, owner=owner),
            date=dates.write(office.now()),
            message_id=f"list.{to_text(office.ids.next())}@{office.config.hostname}",
            more=[("Auto-Submitted", "auto-generated")],
        )
        to = Address.parse(post.sender)
        letter = await notice.addressed(office, office.directory, to, compose(draft))
        if letter is not None:
            await Post(office.db, office.blobs, office.notify, office.clock).commit(letter)
            office.notify.hint([NOTIFY_KEY])  # the server may be another process
    await queue.remove(office, [view.id])
