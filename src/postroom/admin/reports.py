"""Reports of other servers on our domains: read, kept and shown.

They come by mail (``intake.collecting``) or from files; DMARC aggregate reports as XML, TLS
reports as JSON, packed or not.

RFC 9990, RFC 7489 §7.2, RFC 8460 §5.
"""

import asyncio
from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Final

import msgspec

from postroom.admin import names, paging
from postroom.admin.moving.reading import reason
from postroom.admin.office import Office
from postroom.admin.paging import Slice
from postroom.admin.recording import recorded
from postroom.db.ids import from_text, to_text
from postroom.errors import NotFound, Refused
from postroom.ledger import reports as rows
from postroom.ledger.reports import Received
from postroom.mailauth import feedback, tlsrpt_read
from postroom.message import enclosed
from postroom.policy import received_reports

MAX_FILE: Final = 64 * 1024 * 1024
DAYS: Final = 30
_DAY_MS: Final = 86_400_000


class ReportView(msgspec.Struct, frozen=True):
    """One report in a list. ``passed`` and ``failed`` are messages (DMARC) or sessions (TLS)."""

    id: str
    kind: str
    domain: str
    organization: str
    begins: datetime
    ends: datetime
    passed: int
    failed: int


class DayView(msgspec.Struct, frozen=True):
    """What others report of one UTC day."""

    day: date
    passed: int
    failed: int


class Daily(msgspec.Struct, frozen=True):
    """The last 30 days, the oldest first: messages (DMARC) and sessions (TLS)."""

    dmarc: tuple[DayView, ...]
    tls: tuple[DayView, ...]


class Line(msgspec.Struct, frozen=True):
    """A line of a report: where mail came from and how it fared, or a kind of TLS result."""

    count: int
    source: str
    result: str
    detail: str


class ReportDetails(msgspec.Struct, frozen=True):
    """A report and its lines, the most frequent first; ``contact``: whom to ask about it."""

    report: ReportView
    contact: str
    policy: str
    lines: tuple[Line, ...]


class Imported(msgspec.Struct, frozen=True):
    """What came of a file: reports that are new, and those that were there already."""

    new: tuple[ReportView, ...]
    known: int


@recorded("report.import", "path")
async def import_file(office: Office, path: Path) -> Imported:
    """Keep the reports in a file: a message, or what is attached to one. Raises Refused."""
    try:
        octets = await asyncio.to_thread(_read, path)
        parsed = await asyncio.to_thread(received_reports.parse, octets)
    except (OSError, enclosed.TooLarge) as error:
        raise Refused(f"{path} can't be read: {reason(error)}") from None
    if not parsed:
        raise Refused(f"{path} holds no DMARC or TLS report")
    new = []
    for one in parsed:
        received = received_reports.row(one, office.ids.next())
        if await office.db.write(lambda tx, one=one, kept=received: rows.add(tx, kept, one.ident)):  # type: ignore[misc]
            new.append(_view(received))
    return Imported(tuple(new), len(parsed) - len(new))


async def every(
    office: Office, domain: str = "", *, limit: int = 50, among: Sequence[str] | None = None
) -> list[ReportView]:
    """The newest reports, of one domain or of all; ``among``: only on these domains."""
    wanted = names.domain(domain).ascii if domain else ""
    found = await office.db.read(lambda tx: rows.newest(tx, wanted, among=among, limit=limit))
    return [_view(one) for one in found]


async def daily(office: Office, domain: str = "", *, among: Sequence[str] | None = None) -> Daily:
    """What was reported day by day; ``domain`` and ``among`` as for ``every``."""
    wanted = names.domain(domain).ascii if domain else ""
    first = office.now() // _DAY_MS - DAYS + 1
    rows_found = await office.db.read(
        lambda tx: rows.daily(tx, first * _DAY_MS, wanted, among=among)
    )
    found = {(one.kind, one.day): one for one in rows_found}

    def of(kind: rows.Kind) -> tuple[DayView, ...]:
        return tuple(
            DayView(
                datetime.fromtimestamp(day * 86_400, UTC).date(),
                one.passed if (one := found.get((kind, day))) else 0,
                one.failed if one else 0,
            )
            for day in range(first, first + DAYS)
        )

    return Daily(of("dmarc"), of("tls"))


async def page(
    office: Office, domain: str = "", *, after: str = "", size: int = 100
) -> Slice[ReportView]:
    """One page of the reports, of one domain or of all, the newest first."""
    wanted = names.domain(domain).ascii if domain else ""
    return await paging.Listing(
        office.directory,
        lambda tx, key, most: rows.newest(tx, wanted, below=key[0], limit=most),
        lambda one: (one.id,),
        (rows.NEWEST,),
        lambda tx: rows.count(tx, wanted),
        _view,
    ).page(after, size)


async def show(office: Office, text: str) -> ReportDetails:
    """One report with its lines; raises NotFound."""
    found = None
    try:
        ident = from_text(text.strip())
    except ValueError:
        pass
    else:
        found = await office.db.read(lambda tx: rows.named(tx, ident))
    if found is None:
        raise NotFound(f"there is no report {text}; see postroom reports list")
    if found.kind == "dmarc":
        dmarc = msgspec.json.decode(found.content, type=feedback.Report)
        contact, (policy, lines) = dmarc.contact, _dmarc(dmarc)
    else:
        tls = msgspec.json.decode(found.content, type=tlsrpt_read.Report)
        contact, (policy, lines) = tls.contact, _tls(tls)
    ordered = sorted(lines, key=lambda line: -line.count)
    return ReportDetails(_view(found), contact, policy, tuple(ordered))


def _dmarc(report: feedback.Report) -> tuple[str, list[Line]]:
    lines = [
        Line(
            record.count,
            record.row.source,
            f"{record.row.disposition}: dkim {record.row.dkim or 'none'},"
            f" spf {record.row.spf or 'none'}",
            _domains(record.row),
        )
        for record in report.records
    ]
    published = report.published
    extra = [f"{name}={value}" for name in ("sp", "np") if (value := getattr(published, name))]
    return " ".join([f"p={published.p}", *extra]), lines


def _domains(row: feedback.Row) -> str:
    told = [f"from {row.header_from}"]
    told += [f"dkim {one.domain} {one.result}" for one in row.signatures]
    told += [f"spf {one.domain} {one.result}" for one in row.senders]
    return ", ".join(told)


def _tls(report: tlsrpt_read.Report) -> tuple[str, list[Line]]:
    lines: list[Line] = []
    for policy in report.policies:
        where = f"{policy.kind} {policy.domain}".strip()
        if policy.successes:
            lines.append(Line(policy.successes, "", "as it should be", where))
        for one in policy.details:
            told = ", ".join(filter(None, [where, one.detail]))
            lines.append(Line(one.sessions, one.host, one.result, told))
    return ", ".join(dict.fromkeys(policy.kind for policy in report.policies)), lines


def _view(one: Received) -> ReportView:
    return ReportView(
        to_text(one.id),
        one.kind,
        one.domain,
        one.organization,
        names.moment(one.begins),
        names.moment(one.ends),
        one.passed,
        one.failed,
    )


def _read(path: Path) -> bytes:
    with path.open("rb") as opened:
        octets = opened.read(MAX_FILE + 1)
    if len(octets) > MAX_FILE:
        raise enclosed.TooLarge(f"it has more than {MAX_FILE} octets")
    return octets
