"""What has happened with an account of late: logins, what was changed of it, what it has sent.

For the person whose account it is, and for who administers it.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

import msgspec

from postroom.admin import names, paging
from postroom.admin.audit import AuditView, shown
from postroom.admin.office import Office
from postroom.admin.paging import Slice
from postroom.db.database import Tx
from postroom.db.ids import first_id_at, to_text
from postroom.directory import accounts, audit, credentials, passkeys
from postroom.directory.accounts import Account
from postroom.ledger import trace
from postroom.ledger.rows import folded
from postroom.ledger.trace import Sought, Story
from postroom.policy import login_rows
from postroom.policy.login_rows import Row
from postroom.policy.logins import Means, Outcome

SENT: Final = 20  # messages that are shown
MOST_STEPS: Final = 5  # of the search for them: newer ones are found, however many others send
MOST_NAMES: Final = 20  # further addresses under which changes are looked for
_SLACK_MS: Final = 60_000  # an entry is made a little earlier than the account
_SENT_KINDS: Final = frozenset({"filed", "queued", "deferred", "delivered", "bounced", "removed"})


class LoginView(msgspec.Struct, frozen=True):
    """``times`` of the same on a day (UTC), from ``first`` to ``at``; ``address`` "": several.

    ``outcome`` "half": the password was right, and the second factor was asked for;
    "untested": too much had failed before. ``label`` is that of an app password.
    """

    at: datetime
    first: datetime
    times: int
    protocol: str
    address: str
    outcome: Outcome
    means: Means
    label: str


class WayView(msgspec.Struct, frozen=True):
    """What gets in: a password or a passkey, and when and where it was used last, if at all.

    ``opens`` are protocols; ``protocol`` and ``address`` are "" when the use is forgotten.
    """

    means: Means
    label: str
    opens: tuple[str, ...]
    made: datetime
    last_used: datetime | None
    protocol: str
    address: str


class SentView(msgspec.Struct, frozen=True):
    """A message that was sent with the account, and what has become of it for each recipient."""

    id: str
    at: datetime
    peer: str
    subject: str
    recipients: tuple[tuple[str, str], ...]


async def logins(
    office: Office, address: str, *, after: str = "", size: int = 100
) -> Slice[LoginView]:
    """One page of who logged in to an account and who tried to, the latest first.

    Raises NotFound.
    """
    account = await office.account(address)
    return await paging.Listing(
        office.directory,
        lambda tx, below, most: login_rows.newest(tx, account.id, below=below, limit=most),
        lambda one: one.key,
        login_rows.START,
        lambda tx: login_rows.count(tx, account.id),
        _login,
    ).page(after, size)


async def ways(office: Office, address: str) -> tuple[WayView, ...]:
    """All that gets into an account, the last used first. Raises NotFound."""
    account = await office.account(address)

    def read(tx: Tx) -> list[WayView]:
        uses = {(one.means, one.label): one for one in login_rows.latest(tx, account.id)}
        found = [
            _way(
                uses.get((one.kind, one.label)), one.kind, one.label,
                tuple(sorted(one.scopes)), one.created, one.last_used,
            )
            for one in credentials.of(tx, account.id)
        ]  # fmt: skip
        found += [
            _way(None, "passkey", one.label, ("web",), one.created, one.last_used)
            for one in passkeys.of(tx, account.id)
        ]
        return found

    found = await office.directory.look(read)
    found.sort(key=lambda one: (one.last_used is not None, one.last_used or one.made), reverse=True)
    return tuple(found)


async def changes(
    office: Office, address: str, *, deeds: bool = True, after: str = "", size: int = 100
) -> Slice[AuditView]:
    """One page of what was done to an account, and by its owner, the latest first.

    Without ``deeds`` what its owner has done to others is left out. Raises NotFound.
    """
    name = names.address(address)

    def those(tx: Tx) -> tuple[Account, list[str]]:
        account = accounts.require(tx, name)
        further = accounts.further(tx, account.id)[:MOST_NAMES]
        return account, [str(one).lower() for one in [account.address, *further]]

    account, of = await office.directory.look(those)
    since = first_id_at(max(0, account.created - _SLACK_MS))
    actor = str(account.address) if deeds else ""
    return await paging.Listing(
        office.directory,
        lambda tx, key, most: audit.concerning(
            tx, of, actor=actor, since=since, below=key[0], limit=most
        ),
        lambda entry: (entry.id,),
        (audit.NEWEST,),
        lambda tx: audit.count_concerning(tx, of, actor=actor, since=since),
        shown,
    ).page(after, size)


async def sent(office: Office, address: str) -> tuple[SentView, ...]:
    """What was sent with an account of late, the latest first. Raises NotFound."""
    account = await office.account(address)
    sought = Sought(address=folded(str(account.address)), account_id=account.id)
    found: list[Story] = []
    below = trace.NEWEST
    for _ in range(MOST_STEPS):
        step, below = await office.db.read(
            lambda tx, below=below: trace.search(tx, sought, below=below, limit=SENT)  # type: ignore[misc]
        )
        found += [one for one in step if one.entry.account_id == account.id]
        if below == trace.THE_END or len(found) >= SENT:
            break
    return tuple(map(_sent, found[:SENT]))


def _login(row: Row) -> LoginView:
    return LoginView(
        names.moment(row.last), names.moment(row.first), row.times, row.door, row.address,
        row.outcome, row.means, row.label,
    )  # fmt: skip


def _way(
    use: Row | None,
    means: Means,
    label: str,
    opens: tuple[str, ...],
    made: int,
    last_used: int | None,
) -> WayView:
    """``last_used`` is noted once an hour; the history may know better."""
    last = max(last_used or 0, use.last if use is not None and use.last >= made else 0)
    is_known = use is not None and last == use.last
    return WayView(
        means, label, opens, names.moment(made), names.moment(last) if last else None,
        use.door if use is not None and is_known else "",
        use.address if use is not None and is_known else "",
    )  # fmt: skip


def _sent(story: Story) -> SentView:
    last: Mapping[str, str] = {
        one.recipient: one.kind for one in story.facts if one.kind in _SENT_KINDS and one.recipient
    }
    entry = story.entry
    return SentView(
        to_text(entry.id), names.moment(entry.at), entry.peer, entry.subject, tuple(last.items())
    )
