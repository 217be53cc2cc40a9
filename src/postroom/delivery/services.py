"""What couriers work with; made once by the composition root."""

from collections.abc import Callable
from dataclasses import dataclass

from postroom.db.database import Database
from postroom.delivery.connector import Connector
from postroom.delivery.content import Contents
from postroom.delivery.gathering import Gathering
from postroom.delivery.local import Local
from postroom.delivery.pool import Pool
from postroom.delivery.providers import Slots
from postroom.delivery.reporter import Reporter
from postroom.delivery.router import Router
from postroom.delivery.schedule import Schedule
from postroom.delivery.troubles import Troubles


@dataclass(frozen=True, slots=True)
class Rules:
    """What limits delivery; see ``[delivery]`` of the configuration.

    ``places``: batches at a time. ``is_alone``: no other server uses the database.
    """

    schedule: Schedule
    max_recipients: int = 100
    max_messages: int = 100
    most_per_destination: int = 20
    places: int = 100
    is_alone: bool = True


@dataclass(frozen=True, slots=True)
class Services:
    """``clock`` is UTC milliseconds, ``chance`` gives numbers from 0 up to 1."""

    db: Database
    contents: Contents
    router: Router
    connector: Connector
    pool: Pool
    slots: Slots
    reporter: Reporter
    gathering: Gathering
    local: Local
    troubles: Troubles
    clock: Callable[[], int]
    chance: Callable[[], float]
    rules: Rules
