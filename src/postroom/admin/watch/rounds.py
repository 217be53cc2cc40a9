"""The server watches over itself: looks around every ten minutes, and tells who has to know."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from postroom.admin.mailboxes import digest
from postroom.admin.office import Office
from postroom.admin.watch import alerting, hijacking, own_listings, status_letter
from postroom.net.dns import Resolver
from postroom.post.commit import Post
from postroom.telemetry.trouble import quietly

INTERVAL: Final = 600.0  # seconds from one look to the next

Duty = Callable[[], Awaitable[object]]


async def run(
    office: Office,
    post: Post,
    resolver: Resolver,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> None:
    """Look again and again until cancelled; a server that has just started is given time."""
    while True:
        await sleep(INTERVAL)
        await once(duties(office, post, resolver))


def duties(office: Office, post: Post, resolver: Resolver) -> Mapping[str, Duty]:
    """What is done each time; measuring comes before telling."""
    found: dict[str, Duty] = {"blocklists": lambda: own_listings.look_if_due(office, resolver)}
    found["digests"] = lambda: digest.send_due(office, post)
    found["hijacked accounts"] = lambda: hijacking.look(office, post)
    if office.config.alerts.mail:
        found["alerts"] = lambda: alerting.tell(office, post)
    if office.config.alerts.letter:
        found["status letter"] = lambda: status_letter.send_if_due(office, post, resolver)
    return found


async def once(some: Mapping[str, Duty]) -> None:
    """Do these; one that fails is told and does not stop the others."""
    for name, duty in some.items():
        await quietly(name, duty)
