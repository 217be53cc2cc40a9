"""Which listeners send people to https."""

from pathlib import Path

import pytest
from starlette.applications import Starlette

from postroom.admin.office import Office
from postroom.config.model import Listen
from postroom.web.application import behind
from postroom.web.hosts import Hosts
from tests.conftest import Opener
from tests.web.asking import ask
from tests.web.test_discovery import tell


@pytest.mark.parametrize(
    ("listen", "status"),
    [
        (Listen(protocol="https", port=443), 404),
        (Listen(protocol="http", address="127.0.0.1", port=80), 404),
        (Listen(protocol="http", port=80), 308),
    ],
)
def test_only_what_the_world_reads_in_clear_is_sent_to_https(
    listen: Listen, status: int, database: Opener, data: Path
) -> None:
    async def story(_web: Hosts, office: Office) -> None:
        served = behind(listen, Starlette(), office)
        assert (await ask(served, "/nothing", host="mx.demo.test")).status == status

    tell(database, data, story)
