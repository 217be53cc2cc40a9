"""The digest: people who want it are told what was refused for them and what came into Junk.

A letter a day or a week, and none where there is nothing to tell. It names who wrote, the
subject and the reason of the newest of each, and leads to the pages where they are let in.
"""

import functools
import urllib.parse
from collections.abc import Sequence
from functools import partial
from typing import Final, Literal

import msgspec

from postroom.access.teaching import JUNK
from postroom.address import Domain
from postroom.admin import names, system_mail
from postroom.admin.mailboxes import junk, rejects
from postroom.admin.mailboxes.junk import JunkView
from postroom.admin.mailboxes.rejects import RejectView
from postroom.admin.office import Office
from postroom.admin.recording import recorded
from postroom.config.digest import Digest as Settings, Often
from postroom.db.database import Tx
from postroom.directory import accounts, digests
from postroom.directory.digests import Digest
from postroom.errors import MailError
from postroom.post.commit import Post
from postroom.store import mailboxes, rejects as rows

Choice = Literal["usual", "never", "daily", "weekly"]
"""What somebody may choose; "usual" is what ``[digest]`` says."""

DAYS: Final[dict[Often, int]] = {"never": 0, "daily": 1, "weekly": 7}
CHOICES: Final[tuple[Choice, ...]] = ("usual", "never", "daily", "weekly")
PAGE: Final = 1_000  # people that are looked at together
MOST: Final = 50  # of each kind that a letter names
A_ROUND: Final = 500  # letters in one round
TOGETHER: Final = 50  # that are claimed at a time


class DigestView(msgspec.Struct, frozen=True):
    """How often an account is told, and what its person has chosen."""

    account: str
    often: Often
    choice: Choice


async def show(office: Office, address: str) -> DigestView:
    """How often somebody is told. Raises NotFound."""
    account = await office.account(address)
    said = await office.directory.look(lambda tx: choice(tx, account.id))
    usual = usual_in(office.config.digest, account.address.domain.ascii)
    return DigestView(str(account.address), usual if said == "usual" else said, said)


def choice(tx: Tx, account_id: int) -> Choice:
    """What somebody has chosen."""
    days = digests.chosen(tx, account_id)
    return "usual" if days is None else next(word for word, many in DAYS.items() if many == days)


def usual_in(settings: Settings, domain: str) -> Often:
    """How often people of a domain (A-labels) are told who have not chosen."""
    said = (often for name, often in settings.places if Domain.parse(name).ascii == domain)
    return next(said, settings.usual)


@recorded("account.digest", "address", "often")
async def choose(office: Office, address: str, often: Choice) -> DigestView:
    """Tell somebody daily, weekly, never, or as usual from now on. Raises NotFound."""
    account = await office.account(address)
    days, now = None if often == "usual" else DAYS[often], office.now()
    await office.directory.change(lambda tx: digests.put(tx, account.id, days, now))
    return await show(office, address)


async def follow(office: Office) -> None:
    """Let those who have not chosen get what ``[digest]`` says now."""
    settings, now, after = office.config.digest, office.now(), 0
    if settings.usual == "never" and not (settings.daily or settings.weekly):
        if await office.db.read(digests.is_followed):
            await office.db.write(digests.end_following)
        return
    usual = functools.cache(lambda domain: DAYS[usual_in(settings, domain)])
    while True:
        page = await office.db.read(partial(digests.undecided, after=after, limit=PAGE))
        wanted = [(one, usual(domain)) for one, domain, days in page if days != usual(domain)]
        if wanted:
            await office.db.write(partial(digests.follow, wanted=wanted, now=now))
        if len(page) < PAGE:
            return
        after = page[-1][0]


async def send_due(office: Office, post: Post) -> int:
    """Write the letters that are due; how many went. Raises MailError when one can't be."""
    await follow(office)
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
