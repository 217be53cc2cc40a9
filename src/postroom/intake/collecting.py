"""Reports that come by mail are read on the quiet, once they were filed.

On our domains: a message is looked at when its subject is that of a report and it is authenticated:
DKIM or SPF passed, for anybody can write a report. On a message of ours that came back:
``returns``. It is a message like any other besides.

RFC 9990 §3.5.3, RFC 8460 §5.3.
"""

import asyncio
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Final

from postroom.address import AddressError, Domain
from postroom.blobs.store import BlobStore
from postroom.db.database import Database
from postroom.db.ids import Ids
from postroom.directory.directory import Directory
from postroom.errors import MailError
from postroom.intake.returns import Returns
from postroom.ledger import reports
from postroom.message import enclosed, headers, report_read
from postroom.message.charset import decode_words
from postroom.policy.facts import Authentication, Facts
from postroom.telemetry import sink
from postroom.telemetry.event import trace_of
from postroom.telemetry.events import ReportReceived, StorageTrouble
from postroom.telemetry.session_events import SessionFailed

if TYPE_CHECKING:
    from postroom.policy.received_reports import Parsed

MAX_SIZE: Final = 32 * 1024 * 1024  # octets of a message
MAX_WAITING: Final = 100  # messages; what comes beyond them is not read
_SUBJECT: Final = "report domain:"  # large senders put words before it


class Collector:
    """One a process. ``close`` it at the end."""

    def __init__(
        self,
        db: Database,
        blobs: BlobStore,
        ids: Ids,
        directory: Directory,
        returns: Returns | None = None,
        *,
        is_receiving: bool = True,
    ) -> None:
        """``returns`` takes what comes back; ``is_receiving``: reports on our domains are read."""
        self._returns = returns
        self._is_receiving = is_receiving
        self._db = db
        self._blobs = blobs
        self._ids = ids
        self._directory = directory
        self._tasks: set[asyncio.Task[None]] = set()
        self._turn = asyncio.Semaphore(1)

    def offer(self, facts: Facts, blob_id: int) -> None:
        """A message was filed: read it when it may hold a report."""
        found = facts.authentication
        if len(self._tasks) >= MAX_WAITING:
            return
        if report_read.is_report(facts.part):
            if self._returns is not None and facts.size <= report_read.MAX_SIZE:
                self._begin(self._take_back(self._returns, found, blob_id))
            return
        if not self._is_receiving or not (found.dkim or found.spf == "pass"):
            return
        if facts.size > MAX_SIZE:
            return
        subject = decode_words(headers.value(facts.head, b"subject") or b"")
        if _SUBJECT in subject.lower():
            self._begin(self._collect(blob_id))

    def _begin(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(self._done(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """Finish what was begun."""
        await asyncio.gather(*self._tasks)

    async def _done(self, work: Coroutine[None, None, None]) -> None:
        async with self._turn:
            try:
                await work
            except enclosed.TooLarge:
                return  # whoever sends that wants something else
            except MailError as error:
                sink.emit(StorageTrouble(where="reports", reason=error.detail or str(error)))
            except Exception as error:  # noqa: BLE001 - the message is in its mailbox
                sink.emit(SessionFailed(traceback=trace_of(error)))

    async def _octets(self, blob_id: int) -> bytes:
        return b"".join([piece async for piece in self._blobs.stream(self._db, blob_id)])

    async def _take_back(self, returns: Returns, proof: Authentication, blob_id: int) -> None:
        await returns.take(await self._octets(blob_id), proof)

    async def _collect(self, blob_id: int) -> None:
        octets = await self._octets(blob_id)
        for one in await asyncio.to_thread(_parsed, octets):
            await self._keep(one)

    async def _keep(self, one: "Parsed") -> None:
        """If it is about a domain of ours."""
        from postroom.policy import received_reports

        try:
            is_ours = await self._directory.is_own(Domain.parse(one.domain))
        except AddressError:
            return
        if not is_ours:
            return
        received = received_reports.row(one, self._ids.next())
        if await self._db.write(lambda tx: reports.add(tx, received, one.ident)):
            sink.emit(
                ReportReceived(
                    kind=one.kind,
                    domain=one.domain,
                    organization=one.organization,
                    passed=one.passed,
                    failed=one.failed,
                )
            )


def _parsed(octets: bytes) -> list["Parsed"]:
    """Most messages are no reports, so what reads them is imported with the first one."""
    from postroom.policy import received_reports

    return received_reports.parse(octets)
