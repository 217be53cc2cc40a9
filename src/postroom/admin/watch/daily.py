"""What has changed on a server between two looks at it: the substance of the status letter.

Pure: two snapshots and what was done in between come to sections of lines. Some changes are
worth a letter, others only stand in one that goes anyway (a backup that was made, as always).
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

import msgspec

from postroom.admin.names import count

MOST: Final = 10  # names in a line, lines of a kind
DAY_MS: Final = 86_400_000
DEEPER: Final = 100  # deliveries more, and twice as many, are worth a word
DISK_PART: Final = 0.02  # of the disk
MORE_REFUSALS: Final = 20  # more of a kind, and twice as many
AHEAD_DAYS: Final = 90  # a disk that is full within so many days


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """A server at ``at`` (UTC milliseconds). ``lacks`` by what they are about.

    ``dns``: the state of each record by domain. ``refusals``: of the last 24 hours, by reason.
    ``settings``: those that are not as by default. Sizes are octets.
    """

    at: int
    version: str
    score: int
    lacks: dict[str, str]
    domains: int
    accounts: int
    aliases: int
    dns: dict[str, dict[str, str]]
    certificates: dict[str, str]
    waiting: int
    held: int
    free: int
    size: int
    refusals: dict[str, int]
    settings: dict[str, str]
    last_backup: int | None
    failed_backups: int


class Done(msgspec.Struct, frozen=True):
    """An operation of the audit log: what, and to whom or what."""

    action: str
    object: str


class Section(msgspec.Struct, frozen=True):
    """``matters``: it is worth a letter by itself."""

    title: str
    lines: tuple[str, ...]
    matters: bool = True


# Operations that a postmaster wants to hear of; the daily ones of people are left out.
_TOLD: Final[Mapping[str, str]] = {
    "domain.add": "domains added",
    "domain.add-backup": "backup domains added",
    "domain.rename": "domains renamed",
    "domain.remove": "domains removed",
    "domain.remove-backup": "backup domains removed",
    "account.add": "accounts added",
    "account.rename": "accounts renamed",
    "account.remove": "accounts removed",
    "account.restore": "accounts restored",
    "account.role": "roles given or taken",
    "account.release": "accounts released to send",
    "account.second-factor.reset": "second factors taken away",
    "alias.add": "aliases added",
    "alias.remove": "aliases removed",
    "list.add": "mailing lists added",
    "list.remove": "mailing lists removed",
    "ban.add": "networks banned by hand",
    "relay.add": "relays added",
    "relay.change": "relays changed",
    "relay.remove": "relays removed",
    "dns-provider.add": "DNS providers added",
    "dns-provider.remove": "DNS providers removed",
    "dkim.rotate": "signing keys changed",
    "certificate.rollover": "keys of certificates changed",
    "token.add": "tokens for programs made",
    "token.remove": "tokens for programs taken back",
    "webhook.add": "webhooks added",
    "webhook.remove": "webhooks removed",
}


def changes(before: Snapshot, now: Snapshot, done: Sequence[Done]) -> list[Section]:
    """What is different, and what was done; nothing when there is nothing to write about."""
    found = [
        _section("Health", _health(before, now)),
        _section("Administration", _done(done)),
        _section("DNS records", _dns(before.dns, now.dns)),
        _section("Certificates", _certificates(before.certificates, now.certificates)),
        _section("Queue", _queue(before, now)),
        _section("Disk", _disk(before, now)),
        _section("Refused", _refusals(before.refusals, now.refusals)),
        _section("Settings and program", _settings(before, now)),
        _section("Backups", _failed_backups(before, now)),
    ]
    sections = [one for one in found if one.lines]
    if not sections:
        return []
    return [*sections, _section("Besides", _besides(before, now), matters=False)]


def matters(sections: Sequence[Section]) -> bool:
    """Whether a letter goes."""
    return any(one.matters for one in sections)


def written(hostname: str, before: Snapshot, now: Snapshot, sections: Sequence[Section]) -> str:
    """The text of the letter."""
    lines = [f"What has changed on {hostname} since {_day(before.at)} UTC.", ""]
    for one in sections:
        lines += [one.title, "-" * len(one.title), *one.lines, ""]
    lines += [
        f"Health: {now.score} of 100. The page Overview (/admin) and postroom status tell more.",
        "Without a change no letter comes. [alerts] letter = false in postroom.toml ends them.",
        "",
    ]
    return "\n".join(lines)


def _section(title: str, lines: Iterator[str], *, matters: bool = True) -> Section:
    found = list(lines)
    more = len(found) - 3 * MOST
    if more > 0:
        found = [*found[: 3 * MOST], f"and {more} more"]
    return Section(title, tuple(found), matters)


def _health(before: Snapshot, now: Snapshot) -> Iterator[str]:
    begun = [text for about, text in now.lacks.items() if about not in before.lacks]
    over = [text for about, text in before.lacks.items() if about not in now.lacks]
    if begun or over:
        yield f"{before.score} of 100 before, {now.score} now"
    yield from (f"+ {one}" for one in begun)
    yield from (f"- over: {one}" for one in over)


def _done(done: Sequence[Done]) -> Iterator[str]:
    for action, words in _TOLD.items():
        names = list(dict.fromkeys(one.object for one in done if one.action == action))
        if names:
            more = f" and {len(names) - MOST} more" if len(names) > MOST else ""
            yield f"{words}: {len(names)} ({', '.join(names[:MOST])}{more})"


def _dns(
    before: Mapping[str, Mapping[str, str]], now: Mapping[str, Mapping[str, str]]
) -> Iterator[str]:
    for domain, records in now.items():
        known = before.get(domain)
        if known is None:
            wrong = Counter(state for state in records.values() if state != "ok")
            if wrong:
                told = ", ".join(f"{number} {state}" for state, number in sorted(wrong.items()))
                yield f"{domain}: {told} (postroom dns {domain} --check)"
            continue
        for record, state in records.items():
            if known.get(record, state) != state:
                yield f"{domain}: {record} was {known[record]}, is {state} now"


def _certificates(before: Mapping[str, str], now: Mapping[str, str]) -> Iterator[str]:
    for name, state in now.items():
        if name not in before:
            yield f"{name}: new, {state}"
        elif before[name] != state:
            yield f"{name}: {state} (before: {before[name]})"
    yield from (f"{name}: gone" for name in before if name not in now)


def _queue(before: Snapshot, now: Snapshot) -> Iterator[str]:
    for was, is_now, words in (
        (before.waiting, now.waiting, "deliveries wait"),
        (before.held, now.held, "of them are held"),
    ):
        more, less = max(was, is_now), min(was, is_now)
        if more - less >= DEEPER and more >= 2 * less:
            yield f"{is_now} {words}, {was} before"


def _disk(before: Snapshot, now: Snapshot) -> Iterator[str]:
    if now.size != before.size:
        yield f"it has {_size(now.size)} now, {_size(before.size)} before"
    if abs(now.free - before.free) >= DISK_PART * now.size:
        ends = _full_in(before, now)
        trend = "" if ends is None else f"; if that goes on it is full in {count(ends, 'day')}"
        yield f"{_size(now.free)} are free of {_size(now.size)}, {_size(before.free)} before{trend}"


def _full_in(before: Snapshot, now: Snapshot) -> int | None:
    """Days until the disk is full at this speed; None when it is not, or not soon."""
    used, days = before.free - now.free, (now.at - before.at) / DAY_MS
    if used <= 0 or days <= 0:
        return None
    ends = round(now.free / (used / days))
    return ends if ends <= AHEAD_DAYS else None


def _refusals(before: Mapping[str, int], now: Mapping[str, int]) -> Iterator[str]:
    for reason, times in sorted(now.items(), key=lambda one: (-one[1], one[0]))[:MOST]:
        was = before.get(reason, 0)
        if times - was >= MORE_REFUSALS and times >= 2 * was:
            yield f"{times} in the last 24 hours, {was} before: {reason}"


def _settings(before: Snapshot, now: Snapshot) -> Iterator[str]:
    if before.version != now.version:
        yield f"Postroom {now.version}, {before.version} before"
    for name in sorted({*before.settings, *now.settings}):
        was, value = before.settings.get(name), now.settings.get(name)
        if was != value:
            yield f"{name} = {value or '(default)'}, {was or '(default)'} before"


def _failed_backups(before: Snapshot, now: Snapshot) -> Iterator[str]:
    if now.failed_backups:
        failed = count(now.failed_backups, "attempt")
        yield f"{failed} failed in the last 24 hours: see backup.failed in the log"
    if before.last_backup is None and now.last_backup is not None:
        yield f"the first one was made, {_day(now.last_backup)} UTC"


def _besides(before: Snapshot, now: Snapshot) -> Iterator[str]:
    aliases = count(now.aliases, "alias", "aliases")
    yield f"{count(now.domains, 'domain')}, {count(now.accounts, 'account')}, {aliases}"
    yield f"in the queue: {count(now.waiting, 'delivery', 'deliveries')}, {now.held} of them held"
    yield f"{_size(now.free)} of the disk are free"
    if now.last_backup is not None and now.last_backup != before.last_backup:
        yield f"the last backup is of {_day(now.last_backup)} UTC"
    if now.refusals:
        reason, times = max(now.refusals.items(), key=lambda one: (one[1], one[0]))
        yield f"most refused in the last 24 hours, {count(times, 'time')}: {reason}"


def _day(at: int) -> str:
    return f"{datetime.fromtimestamp(at / 1000, UTC):%Y-%m-%d %H:%M}"


def _size(octets: int) -> str:
    return f"{octets / (1 << 30):.1f} GB"
