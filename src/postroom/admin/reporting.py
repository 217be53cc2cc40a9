"""Our daily reports: what was counted, sent to the domains that ask for it.

A day is reported once it is over, some hours into the next; which hour follows from our name, so
that servers do not all report at the same time. Each report is claimed first, so that of many
servers one sends it; a name that can't be looked up gives it back for the next round.

DMARC: RFC 9990 §3 and, for addresses in another organization, §4. TLS: RFC 8460 §3 and §5.3; of
its targets those that are mailboxes.
"""

import asyncio
import gzip
import itertools
import zlib
from collections.abc import Awaitable, Callable, Sequence
from typing import Final
from urllib.parse import unquote

import msgspec

from postroom.address import Address, AddressError, Domain
from postroom.admin import names
from postroom.admin.office import Office
from postroom.db.database import Tx
from postroom.db.ids import to_text
from postroom.directory import domains
from postroom.errors import MailError
from postroom.ledger import dmarc_results, reports as rows, tls_results
from postroom.ledger.dmarc_results import DAY_MS, Day
from postroom.ledger.reports import Kind
from postroom.mailauth import dmarc, dmarc_record, feedback, tlsrpt
from postroom.mailauth.lookups import Check, LookupFailed, texts
from postroom.message import dates
from postroom.message.compose import Attachment, Draft, Person, compose
from postroom.policy.asking import Asking, Names
from postroom.policy.dmarc_counts import DmarcCounts
from postroom.post import notice
from postroom.post.commit import Post
from postroom.queue.rows import NOTIFY_KEY
from postroom.telemetry import sink
from postroom.telemetry.events import ReportSent
from postroom.telemetry.trouble import quietly

MINUTE: Final = 60.0  # seconds
ROUNDS: Final = 10  # minutes from one look at what is due to the next
MAX_RECORDS: Final = 10_000  # of one report
MAX_TARGETS: Final = 5  # addresses of one report
MOST_A_ROUND: Final = 200  # reports
_SPREAD_MS: Final = 4 * 3_600_000  # of a day, over which servers begin to report
_SECONDS: Final = 20.0  # for the lookups of one report


class Sent(msgspec.Struct, frozen=True):
    """A report that went out."""

    kind: str
    domain: str
    day: str
    recipients: tuple[str, ...]


class _Sealed(msgspec.Struct, frozen=True):
    """A report that is ready: subject, file, and further fields."""

    subject: str
    attachment: Attachment
    text: str
    report_type: str = ""
    more: tuple[tuple[str, str], ...] = ()


async def run(
    office: Office,
    post: Post,
    asked: Names,
    counts: DmarcCounts,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> None:
    """Write down each minute what was counted, and send what is due, until cancelled."""
    for number in itertools.count():
        try:
            await sleep(MINUTE)
        finally:
            await quietly("reports", counts.flush)
        if number % ROUNDS == 0:
            await quietly("reports", lambda: send_due(office, post, asked))


async def send_due(
    office: Office, post: Post, asked: Names, *, at_once: bool = False
) -> list[Sent]:
    """Send what is due; ``at_once``: also before our hour. How many went, at most a round's.

    One that can't be sent at the moment stays due. Raises MailError.
    """
    now = office.now()
    today = now // DAY_MS
    if not at_once and now % DAY_MS < zlib.crc32(office.config.hostname.encode()) % _SPREAD_MS:
        return []
    sent: list[Sent] = []
    for kind, day in await office.db.read(lambda tx: _due(tx, today)):
        if len(sent) >= MOST_A_ROUND:
            break
        taken = await office.db.write(
            lambda tx, kind=kind, day=day: rows.claim(tx, day.day, kind, day.domain)  # type: ignore[misc]
        )
        if not taken:
            continue
        try:
            one = await _send(office, post, asked, kind, day)
        except (LookupFailed, MailError):
            await office.db.write(
                lambda tx, kind=kind, day=day: rows.give_back(tx, day.day, kind, day.domain)  # type: ignore[misc]
            )
            continue
        if one is not None:
            sent.append(one)
            sink.emit(ReportSent(kind=one.kind, domain=one.domain, recipients=one.recipients))
    if sent:
        office.notify.hint([NOTIFY_KEY])  # the server may be another process
    return sent


def _due(tx: Tx, today: int) -> list[tuple[Kind, Day]]:
    """The reports of yesterday and the day before that nobody has sent."""
    found: list[tuple[Kind, Day]] = []
    found += [("dmarc", one) for one in dmarc_results.finished(tx, today) if one.day >= today - 2]
    for day in (today - 2, today - 1):
        found += [("tls", Day(day, domain)) for domain in tls_results.domains(tx, day)]
    return [one for one in found if not rows.is_sent(tx, one[1].day, one[0], one[1].domain)]


async def _send(office: Office, post: Post, asked: Names, kind: Kind, day: Day) -> Sent | None:
    asking = Asking(asked, seconds=_SECONDS)
    if kind == "dmarc":
        targets = await asking.run(_dmarc_targets(day.domain))
        sealed = await _dmarc(office, day) if targets else None
    else:
        targets = await asking.run(_tls_targets(day.domain))
        sealed = await _tls(office, day) if targets else None
    if sealed is None:
        return None
    sender = await _sender(office)
    recipients = []
    for target in targets:
        draft = Draft(
            sender=Person(sender),
            to=(Person(str(target)),),
            subject=sealed.subject,
            text=sealed.text,
            date=dates.write(office.now()),
            message_id=f"{to_text(office.ids.next())}@{office.config.hostname}",
            attachments=(sealed.attachment,),
            report_type=sealed.report_type,
            more=(*sealed.more, ("Auto-Submitted", "auto-generated")),
        )
        letter = await notice.addressed(office, office.directory, target, compose(draft))
        if letter is not None:
            await post.commit(letter)
            recipients.append(str(target))
    return Sent(kind, day.domain, _date(day), tuple(recipients)) if recipients else None


async def _dmarc(office: Office, day: Day) -> _Sealed | None:
    found = await office.db.read(lambda tx: dmarc_results.of(tx, day, MAX_RECORDS))
    if found is None:
        return None
    published, records = found
    hostname = office.config.hostname
    report = feedback.Report(
        organization=_organization(office),
        contact=await _sender(office),
        ident=_ident(day, hostname),
        begins=day.day * DAY_MS // 1000,
        ends=(day.day + 1) * DAY_MS // 1000 - 1,
        published=published,
        records=records,
    )
    packed = await asyncio.to_thread(lambda: gzip.compress(feedback.build(report), mtime=0))
    return _Sealed(
        feedback.subject(hostname, report),
        Attachment(feedback.file_name(hostname, report), packed, "application/gzip"),
        f"This is the DMARC aggregate report of {_organization(office)} on {day.domain} for"
        f" {_date(day)} (UTC). The attached file holds it, for programs.\n",
    )


async def _tls(office: Office, day: Day) -> _Sealed | None:
    counted = await office.db.read(lambda tx: tls_results.of(tx, day.day, day.domain))
    if not counted:
        return None
    hostname = office.config.hostname
    grouped: dict[tlsrpt.Policy, list[tls_results.Counted]] = {}
    for one in counted:
        grouped.setdefault(one.policy, []).append(one)
    begins, ends = day.day * DAY_MS // 1000, (day.day + 1) * DAY_MS // 1000 - 1
    ident = _ident(day, hostname)
    report = tlsrpt.report(
        [
            tlsrpt.results(
                policy,
                successes=sum(one.sessions for one in some if one.failure is None),
                failures={one.failure: one.sessions for one in some if one.failure is not None},
            )
            for policy, some in grouped.items()
        ],
        organization=_organization(office),
        contact=await _sender(office),
        ident=ident,
        start_seconds=begins,
        end_seconds=ends,
    )
    packed = await asyncio.to_thread(lambda: gzip.compress(tlsrpt.build(report), mtime=0))
    name = tlsrpt.file_name(hostname, day.domain, begins, ends, ident)
    return _Sealed(
        tlsrpt.subject(day.domain, hostname, ident),
        Attachment(name, packed, "application/tlsrpt+gzip"),
        f"This is the report of {_organization(office)} on TLS to {day.domain} for {_date(day)}"
        " (UTC). The attached file holds it, for programs.\n",
        "tlsrpt",
        (("TLS-Report-Domain", day.domain), ("TLS-Report-Submitter", hostname)),
    )


def _dmarc_targets(domain: str) -> Check[tuple[Address, ...]]:
    """Where the domain wants its reports, as far as the other side agrees (RFC 9990 §4)."""
    record = dmarc_record.choose((yield from texts(f"_dmarc.{domain}")))
    if record is None:
        return ()
    organization = yield from dmarc.organization_of(domain)
    agreed: list[Address] = []
    for target in _addresses(record.reports):
        host = target.domain.ascii
        if host == domain or (yield from dmarc.organization_of(host)) == organization:
            agreed.append(target)
            continue
        found = yield from texts(f"{domain}._report._dmarc.{host}")
        permits = [text for text in found if text.replace(b" ", b"").startswith(b"v=DMARC1")]
        if not permits:
            continue
        other = dmarc_record.read(permits[0])
        replaced = _addresses(other.reports) if other is not None else []
        if all(one.domain == target.domain for one in replaced):
            agreed += replaced or [target]
    return tuple(dict.fromkeys(agreed))[:MAX_TARGETS]


def _tls_targets(domain: str) -> Check[tuple[Address, ...]]:
    targets = tlsrpt.parse_record((yield from texts(f"_smtp._tls.{domain}")))
    return () if targets is None else targets.mailto[:MAX_TARGETS]


def _addresses(uris: Sequence[str]) -> list[Address]:
    found: list[Address] = []
    for uri in uris:
        try:
            path = uri.partition(":")[2].partition("?")[0]
            found.append(Address.parse(unquote(path)))  # RFC 6068 §2
        except AddressError:
            continue
    return found


async def _sender(office: Office) -> str:
    """The address in From: of a domain here, so that the report is signed."""
    if office.config.reports.sender:
        return office.config.reports.sender
    hostname = office.config.hostname
    labels = hostname.split(".")
    for at in range(len(labels)):
        name = ".".join(labels[at:])
        if await office.directory.is_own(Domain(name)):
            return f"postmaster@{name}"
    first = await office.directory.look(domains.first)
    return f"postmaster@{hostname if first is None else first.name}"


def _organization(office: Office) -> str:
    return office.config.reports.organization or office.config.hostname


def _ident(day: Day, hostname: str) -> str:
    """The same whenever the report is made again."""
    return f"{_date(day)}.{zlib.crc32(f'{day.domain} {hostname}'.encode()):08x}@{hostname}"


def _date(day: Day) -> str:
    return f"{names.moment(day.day * DAY_MS):%Y-%m-%d}"
