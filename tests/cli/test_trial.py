"""Test messages without a server: one is there for as long as they take."""

import asyncio
from pathlib import Path

import msgspec
import pytest

from postroom.admin import accounts, domains
from postroom.admin.open import open_office
from postroom.cli import trial
from postroom.config.acme import Acme
from postroom.config.model import Config, Dns, Listen
from postroom.db.locks import ServeLock
from postroom.errors import Refused
from rig.ports import HOST, free_port
from tests.directory.keys import quick

ME = "me@demo.test"


@pytest.fixture
def config(data: Path) -> Config:
    made = Config(
        hostname="mx.demo.test",
        data=str(data),
        dns=Dns(servers=("127.0.0.1:9",)),
        listen=(
            Listen(protocol="smtp", address=HOST, port=free_port()),
            Listen(protocol="imaps", address=HOST, port=1),
        ),
        acme=Acme(accept_terms=True),
    )

    async def furnish() -> None:
        async with open_office(made) as office:
            await domains.add(office, "demo.test", generate=quick)
            await accounts.add(office, ME, password="a-Good-one-1", admin=True)

    asyncio.run(furnish())
    return made


def test_a_server_is_started_for_the_message_and_ends_with_it(config: Config) -> None:
    (came,) = trial.letters(config, ME, "")
    assert came.state == "arrived"
    ServeLock(config.folder).release()  # nobody holds it


def test_one_that_runs_is_used(config: Config) -> None:
    with ServeLock(config.folder):  # somebody runs, and does not answer
        (came,) = trial.letters(config, ME, "")
    assert came.state == "failed"
    assert "nobody answers" in came.words


def test_it_only_takes_mail_and_orders_nothing(config: Config) -> None:
    alone = trial.alone(config)
    assert [one.protocol for one in alone.listen] == ["smtp"]
    assert not alone.acme.accept_terms
    assert alone.log.console == "none"
    standard = trial.alone(msgspec.structs.replace(config, listen=()))
    assert [one.port for one in standard.listen] == [25]


def test_a_port_that_is_taken_is_told(config: Config) -> None:
    taken = Listen(protocol="smtp", address="192.0.2.77", port=25)
    with pytest.raises(Refused, match=r"192\.0\.2\.77"):
        trial.letters(msgspec.structs.replace(config, listen=(taken,)), ME, "")
