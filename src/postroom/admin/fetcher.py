"""Fetches mail from accounts elsewhere, each when it is due: the job of a server.

What happens at one of them, once, is a ``fetch_visit``; where nobody fetches mail, it is not imported.
"""

import asyncio
import contextlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from postroom.admin.office import Office
from postroom.db.ids import to_text
from postroom.directory import fetchings
from postroom.directory.fetchings import Fetching
from postroom.errors import MailError, Refused
from postroom.intake.intake import Intake
from postroom.notify import FETCHING
from postroom.telemetry import trouble

if TYPE_CHECKING:
    from postroom.admin.fetch_visit import Visit

AT_ONCE: Final = 4
LOOKS: Final = 60.0  # seconds from one look at the table to the next


class Fetcher:
    """``run`` until cancelled."""

    def __init__(self, office: Office, intake: Intake) -> None:
        self._office = office
        self._intake = intake
        self._hurry = asyncio.Event()

    async def run(self) -> None:
        """Fetch from those that are due, a few at once."""
        end = self._office.notify.subscribe(FETCHING, self._hurry.set)
        try:
            while True:
                self._hurry.clear()
                if not await self.once():
                    with contextlib.suppress(TimeoutError):
                        async with asyncio.timeout(LOOKS):
                            await self._hurry.wait()
        finally:
            end()

    async def once(self) -> int:
        """One round; from how many was fetched."""
        office = self._office
        taken: Sequence[Fetching] = ()
        with contextlib.suppress(MailError):
            due = await office.db.read(fetchings.next_due)
            if due is not None and due <= office.now():
                taken = await office.db.write(
                    lambda tx: fetchings.take(tx, office.now(), AT_ONCE), bulk=True
                )
        if taken:
            make = await asyncio.to_thread(_visit)
            await asyncio.gather(*[self._one(one, make) for one in taken])
        return len(taken)

    async def _one(self, one: Fetching, make: "type[Visit]") -> None:
        office, problem = self._office, ""
        visit = make(office, self._intake, one)
        try:
            await visit.run()
        except MailError as error:
            problem = f"{error.text} ({error.detail})" if error.detail else error.text
        except (Refused, OSError) as error:
            problem = str(error) or type(error).__name__
        except Exception as error:  # noqa: BLE001 - a fault of ours must not hold up the others
            trouble.tell(f"fetching of {to_text(one.id)}", error)
            problem = "It broke off: the log of the server says why."
        with contextlib.suppress(MailError):  # it is due again later
            await office.db.write(
                lambda tx: fetchings.settle(tx, one, visit.fetched, problem, office.now()),
                bulk=True,
            )


def _visit() -> "type[Visit]":
    from postroom.admin.fetch_visit import Visit

    return Visit
