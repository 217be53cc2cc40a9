"""Accounts that somebody else may use: noticed by what they do, told, and held where that is set.

Every round looks at the last hour: what accounts have sent, what other servers refused of it,
from where people logged in. What an account usually does is learned from hours that are a day
old, so that a flood does not make itself usual while it lasts.
"""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Final

import msgspec

from postroom.address import Address, AddressError
from postroom.admin import names, queue, system_mail
from postroom.admin.office import Office
from postroom.db.database import Tx
from postroom.directory import accounts, addresses, credentials, sending
from postroom.ledger import activity, notes
from postroom.net.networks import is_loopback, wider_network_of
from postroom.policy import device_rows, hijack, suspects
from postroom.policy.hijack import Activity, Suspicion
from postroom.policy.suspects import Suspect
from postroom.post import notice
from postroom.post.commit import Post
from postroom.queue import listing
from postroom.queue.listing import Filter
from postroom.telemetry import sink
from postroom.telemetry.events import AccountSuspected

NOTE: Final = "habits"
HOUR_MS: Final = 3_600_000
DAY_MS: Final = 24 * HOUR_MS
PAST_DAYS: Final = 30  # of the ledger that habits are learned from at first
HOURS_A_ROUND: Final = 24
MOST_NETWORKS: Final = 10  # that a message names

_DOING: Final = """\
{account} behaves as if somebody else had its password:

{reasons}

{state}

"""
_TO_OWNER: Final = """\
If that was not you, at https://{hostname}/ :

1. Change your password ("My account").
2. Sign out everywhere ("Security"), and remove passkeys that are not yours.
3. Remove the passwords of devices that you do not know ("Devices").
4. Look at your forwards and filters: who gets in often leaves one behind.

"Activity" shows who came in, from where, and what was changed. Then tell your
postmaster. If all of that was you, tell them as well.
"""
_TO_POSTMASTER: Final = """\
See what it has sent:            postroom trace {account}
Who came in, from where:         postroom account activity {account}
A new password, all sessions end: postroom account password {account}
Its passwords for devices:       postroom account app-password list {account}
Delete what still waits:         postroom queue remove --sender {account}
If all is well, let it go on:    postroom account release {account}
"""
_HELD: Final = (
    "It can send to nobody until its postmaster releases it, and what it has sent and still\n"
    "waits is held."
)
_TOLD: Final = "Nothing was stopped."


class SuspectView(msgspec.Struct, frozen=True):
    """An account that is suspected since then, and why; ``held``: it can't send.

    ``seen``: when it last looked so.
    """

    account: str
    since: datetime
    seen: datetime
    score: int
    held: bool
    reasons: tuple[str, ...]


class Seen(msgspec.Struct, frozen=True):
    """An hour of an account, and the networks that it was used from."""

    activity: Activity
    usual: int = 0
    networks: tuple[str, ...] = ()


async def look(office: Office, post: Post) -> list[str]:
    """Judge the last hour of all accounts; who is newly suspected and was told. Raises MailError."""
    if office.config.alerts.hijack == "off":
        return []
    now = office.now()
    await office.db.write(lambda tx: suspects.forget(tx, now), bulk=True)
    await _hold_the_rest(office)
    if not await learned(office, now):
        return []
    told: list[str] = []
    for ident, seen in (await office.db.read(lambda tx: activities(tx, now))).items():
        found = hijack.judge(seen.activity, seen.usual)
        if found.is_alarm and await _is_new(office, ident, found, seen):
            told += await _tell(office, post, ident, found, seen)
    return told


async def current(office: Office) -> tuple[SuspectView, ...]:
    """All that are suspected, the newest first."""

    def read(tx: Tx) -> tuple[SuspectView, ...]:
        return tuple([view for one in suspects.every(tx) if (view := _view(tx, one)) is not None])

    return await office.db.read(read)


async def of(office: Office, address: str) -> SuspectView | None:
    """Whether and why this account is suspected. Raises NotFound."""
    name = names.address(address)

    def read(tx: Tx) -> SuspectView | None:
        ident = accounts.require(tx, name).id
        one = suspects.among(tx, [ident]).get(ident)
        return None if one is None or one.state == "released" else _view(tx, one)

    return await office.directory.look(read)


async def learned(office: Office, now: int) -> bool:
    """Learn from a few hours more; whether all is learned up to a day ago."""

    def due(tx: Tx) -> int:
        found = notes.find(tx, NOTE, int)
        if found is not None:
            return found[1]
        oldest = activity.first(tx)
        return max(now - PAST_DAYS * DAY_MS, now if oldest is None else oldest) // HOUR_MS * HOUR_MS

    hour = await office.db.read(due)
    for _ in range(HOURS_A_ROUND):
        if hour + HOUR_MS > now - DAY_MS:
            return True
        await _learn(office, hour, now)
        hour += HOUR_MS
    return hour + HOUR_MS > now - DAY_MS


async def _learn(office: Office, hour: int, now: int) -> None:
    counts = await office.db.read(lambda tx: activity.recipients(tx, hour, hour + HOUR_MS))

    def write(tx: Tx) -> None:
        suspects.learn(tx, hour, counts)
        notes.put(tx, NOTE, now, hour + HOUR_MS)

    await office.db.write(write, bulk=True)


def activities(tx: Tx, now: int) -> dict[int, Seen]:
    """The last hour of every account in which anything is worth a judgement."""
    begin = now - HOUR_MS
    sent = activity.recipients(tx, begin, now + HOUR_MS)
    unknown, spam = _refusals(tx, begin)
    networks = _networks(tx, begin)
    worth = {ident for ident, count in sent.items() if count >= hijack.MANY}
    for counts in (unknown, spam):
        worth |= {ident for ident, count in counts.items() if count >= hijack.SOME_REFUSED}
    worth |= {ident for ident, some in networks.items() if len(some) >= hijack.SOME_NETWORKS}
    usual = suspects.usual(tx, sorted(worth), now)
    return {
        ident: Seen(
            Activity(sent.get(ident, 0), unknown[ident], spam[ident], len(networks.get(ident, ()))),
            usual.get(ident, 0),
            tuple(sorted(networks.get(ident, ()))),
        )
        for ident in sorted(worth)
    }


def _refusals(tx: Tx, begin: int) -> tuple[Counter[int], Counter[int]]:
    """Recipients for which others said in this time: unknown, spam."""
    kinds: dict[tuple[int, str], str] = {}
    for one in activity.refused(tx, begin - HOUR_MS, begin):
        kinds[one.account_id, one.recipient] = hijack.refusal_of(one.detail)
    found = {"unknown": Counter[int](), "spam": Counter[int](), "other": Counter[int]()}
    for (account_id, _), kind in kinds.items():
        found[kind][account_id] += 1
    return found["unknown"], found["spam"]


def _networks(tx: Tx, begin: int) -> dict[int, set[str]]:
    """From which networks accounts were logged into that had not been seen for a day."""
    by_login: dict[str, set[str]] = {}
    for one in device_rows.since(tx, begin):
        if not is_loopback(one.network):
            by_login.setdefault(one.login, set()).add(wider_network_of(one.network))
    found: dict[int, set[str]] = {}
    for login, some in by_login.items():
        if len(some) < hijack.SOME_NETWORKS:
            continue
        try:
            name = addresses.find(tx, Address.parse(login))
        except AddressError:
            continue
        if name is not None and name.account_id is not None:
            found.setdefault(name.account_id, set()).update(some)
    return found


async def _is_new(office: Office, ident: int, found: Suspicion, seen: Seen) -> bool:
    """Note it; where that is set the account sends no more in the same transaction."""
    held, now = office.config.alerts.hijack == "hold", office.now()

    def write(tx: Tx) -> bool:
        is_new = suspects.suspect(tx, ident, found, seen.activity.recipients, now, held=held)
        if is_new and held:
            sending.bar(tx, ident)
        return is_new

    is_new = await office.db.write(write)
    if is_new and held:
        await queue.hold(office, Filter(account=ident))
    return is_new


async def _hold_the_rest(office: Office) -> None:
    """What came in before a server had learned that the account is barred."""

    def read(tx: Tx) -> list[Filter]:
        held = [Filter(account=one.account_id) for one in suspects.every(tx) if one.state == "held"]
        return [one for one in held if listing.count(tx, msgspec.structs.replace(one, held=False))]

    for one in await office.db.read(read):
        await queue.hold(office, one)


async def _tell(
    office: Office, post: Post, ident: int, found: Suspicion, seen: Seen
) -> Sequence[str]:
    """The event and the two messages."""
    held = office.config.alerts.hijack == "hold"

    def read(tx: Tx) -> tuple[str, str]:
        account = accounts.by_id(tx, ident)
        used = "" if account is None else _used(tx, ident, seen.networks, office.now())
        return "" if account is None else str(account.address), used

    account, used = await office.db.read(read)
    if not account:
        return ()
    reasons = [one.text for one in found.reasons]
    sink.emit(
        AccountSuspected(account=account, score=found.score, reasons=tuple(reasons), held=held)
    )
    hostname = office.config.hostname
    given = {
        "account": account,
        "hostname": hostname,
        "reasons": "\n".join(f"- {one}" for one in reasons),
        "state": _HELD if held else _TOLD,
    }
    subject = f"{account}: does somebody else use it?"
    postmaster = notice.postmaster_of(account, hostname)
    for to, rest in ((account, _TO_OWNER), (postmaster, _TO_POSTMASTER)):
        text = (_DOING + rest).format_map(given) + used
        await system_mail.send(office, post, Address.parse(to), subject, text)
    return [account]


def _used(tx: Tx, ident: int, networks: Sequence[str], now: int) -> str:
    """Which passwords were used of late, and from where."""
    lines = [
        f"- {_named(one.kind, one.label)}, last {names.moment(one.last_used):%Y-%m-%d %H:%M} UTC"
        for one in credentials.of(tx, ident)
        if one.last_used is not None and one.last_used > now - DAY_MS
    ]
    told = ["", "Used within the last day:", "", *lines, ""] if lines else []
    if networks:
        told += ["", "From networks that were new:", ""]
        told += [f"- {one}" for one in networks[:MOST_NETWORKS]]
    return "\n".join(told) + "\n" if told else ""


def _named(kind: str, label: str) -> str:
    return (
        f'the password of the device "{label}"' if kind == "app" else "the account's own password"
    )


def _view(tx: Tx, one: Suspect) -> SuspectView | None:
    account = accounts.by_id(tx, one.account_id)
    if account is None:
        return None
    return SuspectView(
        str(account.address), names.moment(one.since), names.moment(one.seen), one.score,
        one.state == "held", tuple(reason.text for reason in one.reasons),
    )  # fmt: skip
