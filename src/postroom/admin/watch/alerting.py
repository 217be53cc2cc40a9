"""Alerts by mail: owners are told when trouble begins and when it is over, and not in between.

What was told is noted after the message is safe: who crashes between the two tells it twice,
nobody keeps it to himself. Without an owner it waits until there is one.
"""

import platform
from collections.abc import Sequence

from postroom.admin import overview, system_mail
from postroom.admin.office import Office
from postroom.directory import accounts
from postroom.ledger import alerts
from postroom.ledger.alerts import Changes, Told
from postroom.post.commit import Post


async def tell(office: Office, post: Post) -> Changes:
    """Tell every owner what has changed; what that was. Raises MailError."""
    machine, now = platform.node(), office.now()
    present = [
        Told(one.about, machine if one.is_of_machine else "", f"{one.text}; {one.action}")
        for one in await overview.alerts(office)
    ]
    found = await office.db.read(lambda tx: alerts.changes(tx, present, machine, now))
    if (found.begun or found.over) and not await _send(office, post, found):
        return Changes([], [])
    await office.db.write(lambda tx: alerts.note(tx, present, found.over, now), bulk=True)
    return found


async def _send(office: Office, post: Post, found: Changes) -> int:
    sent, hostname = 0, office.config.hostname
    for owner in await office.directory.look(accounts.owners):
        sent += await system_mail.send(
            office,
            post,
            owner.address,
            _subject(hostname, found),
            "\n".join(_lines(hostname, found)),
        )
    return sent


def _subject(hostname: str, found: Changes) -> str:
    begun, over = len(found.begun), len(found.over)
    parts = [f"{begun} to look at"] * bool(begun) + [f"{over} over"] * bool(over)
    return f"{hostname}: {', '.join(parts)}"


def _lines(hostname: str, found: Changes) -> list[str]:
    return [
        *_listed("This has begun:", found.begun),
        *_listed("This is over:", found.over),
        f"The page Overview (/admin) of {hostname} shows how it is now. You hear of these again",
        "when they change. [alerts] mail = false in postroom.toml ends these messages.",
        "",
    ]


def _listed(title: str, some: Sequence[Told]) -> list[str]:
    if not some:
        return []
    told = [f"- {one.text}" + (f" ({one.machine})" if one.machine else "") for one in some]
    return [title, "", *told, ""]
