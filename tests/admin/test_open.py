import asyncio
import stat
from pathlib import Path

from postroom.address import Address
from postroom.admin import accounts, credentials, domains
from postroom.admin.open import open_office
from postroom.config.model import Config
from postroom.notify import DIRECTORY, Notify
from tests.directory.keys import quick


def test_the_first_use_makes_everything_private(tmp_path: Path) -> None:
    async def run() -> None:
        config = Config(hostname="mx.demo.test", data=str(tmp_path / "new" / "data"))
        async with open_office(config) as office:
            await domains.add(office, "demo.test", generate=quick)
            await accounts.add(office, "alice@demo.test", password="secret")
            await credentials.add_app(office, "alice@demo.test", "phone")
        async with open_office(config) as office:
            assert (await accounts.show(office, "alice@demo.test")).address == "alice@demo.test"
        for path in (config.folder, *config.folder.rglob("*")):
            assert stat.S_IMODE(path.stat().st_mode) in {0o600, 0o700}, path

    asyncio.run(run())


def test_a_change_counts_at_once_in_a_running_server(tmp_path: Path) -> None:
    """Before the second after which caches look by themselves."""

    async def run() -> None:
        config = Config(hostname="mx.demo.test", data=str(tmp_path / "data"))
        alice = Address.parse("alice@demo.test")
        async with open_office(config) as server, open_office(config) as command:
            notify = Notify(config.folder)
            notify.listen()
            hinted = asyncio.Event()

            def hint() -> None:
                server.directory.hint()
                hinted.set()

            notify.subscribe(DIRECTORY, hint)
            try:
                assert (await server.directory.resolve(alice)).kind == "not-ours"
                await domains.add(command, "demo.test", generate=quick)
                await asyncio.wait_for(hinted.wait(), 60)
                assert (await server.directory.resolve(alice)).kind == "unknown"
            finally:
                notify.close()

    asyncio.run(run())


def test_two_commands_at_once_do_not_hurt_each_other(tmp_path: Path) -> None:
    async def run() -> None:
        config = Config(hostname="mx.demo.test", data=str(tmp_path / "data"))

        async def add(number: int) -> None:
            async with open_office(config, node=128 + number) as office:
                await domains.add(office, f"d{number}.test", generate=quick)

        await asyncio.gather(*(add(number) for number in range(4)))
        async with open_office(config) as office:
            assert len([one async for one in domains.every(office)]) == 4

    asyncio.run(run())
