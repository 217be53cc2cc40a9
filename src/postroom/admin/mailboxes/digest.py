"""The digest: people who want it are told what was refused for them and what came into Junk.

A letter a day or a week, and none where there is nothing to tell. It names who wrote, the
subject and the reason of the newest of each, and leads to the pages where they are let in.
"""

import urllib.parse
from collections.abc import Sequence
from functools import partial
from typing import Final, Literal

import msgspec

from postroom.access.teaching import JUNK
from postroom.admin import names, system_mail
from postroom.admin.mailboxes import junk, rejects
from postroom.admin.mailboxes.junk import JunkView
from postroom.admin.mailboxes.rejects import RejectView
from postroom.admin.office import Office
from postroom.admin.recording import recorded
from postroom.db.database import Tx
from postroom.directory import accounts, digests
from postroom.directory.digests import Digest
from postroom.errors import MailError
from postroom.post.commit import Post
from postroom.store import mailboxes, rejects as rows

Often = Literal["never", "daily", "weekly"]

DAYS: Final[dict[Often, int]] = {"never": 0, "daily": 1, "weekly": 7}
MOST: Final = 50  # of each kind that a letter names
A_ROUND: Final = 500  # letters in one round
TOGETHER: Final = 50  # that are claimed at a time


class DigestView(msgspec.Struct, frozen=True):
    """How often an account is told."""

    account: str
    often: Often


async def show(office: Office, address: str) -> DigestView:
    """How often somebody is told. Raises NotFound."""
    account = await office.account(address)
    said = await office.directory.look(lambda tx: often(tx, account.id))
    return DigestView(str(account.address), said)


def often(tx: Tx, account_id: int) -> Often:
    """How often an account is told."""
    days = digests.days_of(tx, account_id)
    return "never" if not days else "daily" if days == 1 else "weekly"


@recorded("account.digest", "address", "often")
async def choose(office: Office, address: str, often: Often) -> DigestView:
    """Tell somebody daily, weekly or never from now on. Raises NotFound."""
    account = await office.account(address)
    now = office.now()
    await office.directory.change(lambda tx: digests.put(tx, account.id, DAYS[often], now))
    return await show(office, address)


async def send_due(office: Office, post: Post) -> int:
    """Write the letters that are due; how many went. Raises MailError when one can't be."""
    sent = 0
    for _ in range(A_ROUND // TOGETHER):
        due = await office.db.write(partial(digests.claim, now=office.now(), limit=TOGETHER))
        for place, one in enumerate(due):
            try:
                sent += await _send(office, post, one)
            except MailError:
                await office.db.write(partial(_give_back, left=due[place:], now=office.now()))
                raise
        if len(due) < TOGETHER:
            break
    return sent


async def _send(office: Office, post: Post, one: Digest) -> bool:
    account = await office.directory.look(lambda tx: accounts.by_id(tx, one.account_id))
    if account is None:
        return False
    found = await office.store.read(rows.newest, account.id, limit=MOST + 1)
    refused = [rejects.view(row) for row in found if row.at > one.since]
    box = await office.store.read(mailboxes.by_use, account.id, JUNK)
    filed = [] if box is None else await junk.newest(office, box, MOST + 1, since=one.since)
    if not refused and not filed:
        return False
    counts = [
        f"{_counted(len(some))} {word}"
        for some, word in ((refused, "refused"), (filed, "in Junk"))
        if some
    ]
    text = _text(office.config.hostname, one, refused, filed, "" if box is None else box.name)
    subject = f"Kept from your inbox: {', '.join(counts)}"
    return await system_mail.send(office, post, account.address, subject, text)


def _give_back(tx: Tx, left: Sequence[Digest], now: int) -> None:
    for one in left:
        digests.give_back(tx, one, now)


def _text(
    hostname: str,
    one: Digest,
    refused: Sequence[RejectView],
    filed: Sequence[JunkView],
    box: str,
) -> str:
    place = f"https://{hostname}"
    lines = [f"Since {names.moment(one.since):%Y-%m-%d %H:%M} (UTC) this was kept from your inbox."]
    if refused:
        lines += ["", "REFUSED, kept for two weeks. To let one in, or remove it:"]
        lines += [f"  {place}/me/senders#refused"]
        for reject in refused[:MOST]:
            author = reject.author or reject.sender
            lines += _told(f"{reject.at:%Y-%m-%d %H:%M}", author, reject.subject, reject.reason)
    if filed:
        lines += ["", "JUNK. To move one to your inbox, which teaches the filter:"]
        lines += [f"  {place}/mail?{urllib.parse.urlencode({'box': box})}"]
        for letter in filed[:MOST]:
            when = f"{letter.at:%Y-%m-%d %H:%M}"
            lines += _told(when, letter.author, letter.subject, letter.reason)
    if max(len(refused), len(filed)) > MOST:
        lines += ["", f"Of each the newest {MOST} stand here; the pages have all."]
    often = "day" if one.days == 1 else "week"
    lines += ["", f"You get this letter every {often}. To change that: {place}/me/senders#digest"]
    return "\n".join([*lines, ""])


def _told(when: str, author: str, subject: str, reason: str) -> list[str]:
    told = ["", f"  {when}  {author or 'nobody'}", f"    {subject or 'without a subject'}"]
    return [*told, f"    why: {reason}"] if reason else told


def _counted(number: int) -> str:
    return f"{MOST} and more" if number > MOST else str(number)
