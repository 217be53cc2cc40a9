"""The health of the server as figures for ``/metrics``.

What is asked every few seconds is measured once a minute; between, the last answer stands.
"""

import asyncio
from collections.abc import Mapping
from typing import Final

from postroom.admin import overview
from postroom.admin.office import Office
from postroom.admin.watch import health

MEASURED_MS: Final = 60_000


class Pulse:
    """That of one server."""

    def __init__(self, office: Office) -> None:
        self._office = office
        self._lock = asyncio.Lock()
        self._last: Mapping[str, float] = {}
        self._until = 0

    async def figures(self) -> Mapping[str, float]:
        """The score from 0 to 100, and how many of the lacks that lower it are urgent."""
        async with self._lock:
            now = self._office.now()
            if not self._until - MEASURED_MS <= now < self._until:
                judged = health.judge(await overview.measure(self._office))
                urgent = sum([one.urgent for one in judged.lacks])
                self._last = {
                    "health": judged.score,
                    "health_lacks": len(judged.lacks),
                    "health_alerts": urgent,
                }
                self._until = now + MEASURED_MS
            return self._last
