"""Limits of large providers."""

import asyncio

import pytest

from postroom.delivery.providers import Slots, provider_of, providers


def test_the_file_is_well_formed() -> None:
    names = [one.name for one in providers()]
    assert len(names) == len(set(names)) > 10
    suffixes = [suffix for one in providers() for suffix in one.hosts]
    for one in providers():
        assert one.hosts
        assert 1 <= one.connections <= 20
        assert 1 <= one.messages <= 100
        assert 1 <= one.recipients <= 100
    for suffix in suffixes:
        assert suffix == suffix.lower().strip()
        assert suffix.startswith("."), "google.com must not be found in notgoogle.com"
        assert suffix.count(".") >= 2, "a whole top-level domain belongs to nobody"
        assert suffix.isascii()
    for suffix in suffixes:  # a host belongs to one provider
        owners = {one.name for one in providers() if suffix.endswith(one.hosts)}
        assert len(owners) == 1


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("gmail-smtp-in.l.google.com", "google"),
        ("aspmx2.googlemail.com", "google"),
        ("example-org.mail.protection.outlook.com", "microsoft"),
        ("example-org.a-v1.mx.microsoft", "microsoft"),
        ("mx00.t-online.de", "t-online"),
        ("mx.notgoogle.com", ""),
        ("google.com", ""),
        ("google.com.evil.test", ""),
        ("mx.other.test", ""),
        ("[192.0.2.1]", ""),
        ("", ""),
    ],
)
def test_whose_host_it_is(host: str, name: str) -> None:
    found = provider_of(host)
    assert (found.name if found else "") == name


def test_connections_to_a_provider_are_counted_over_all_its_hosts() -> None:
    async def run() -> None:
        slots, release = Slots(), asyncio.Event()
        google = provider_of("aspmx.l.google.com")
        assert google is not None
        inside = 0
        most = 0

        async def connect(host: str) -> None:
            nonlocal inside, most
            async with slots.slot(host):
                inside += 1
                most = max(most, inside)
                await release.wait()
                inside -= 1

        hosts = [f"alt{n}.aspmx.l.google.com" for n in range(3 * google.connections)]
        tasks = [asyncio.create_task(connect(host)) for host in hosts]
        for _ in range(5):
            await asyncio.sleep(0)
        assert inside == google.connections
        async with slots.slot("mx1.t-online.de"), slots.slot("mx.other.test"):
            pass  # others do not wait for it
        release.set()
        await asyncio.gather(*tasks)
        assert (inside, most) == (0, google.connections)

    asyncio.run(run())


def test_what_is_left_besides_those_in_use() -> None:
    async def run() -> None:
        slots = Slots()
        free = provider_of("mx1.free.fr")
        assert free is not None
        async with slots.slot("mx1.free.fr"), slots.slot("mx2.free.fr"), slots.slot("mx.a.test"):
            assert slots.spare(free) == free.connections - 2
        assert slots.spare(free) == free.connections

    asyncio.run(run())


def test_a_slot_is_free_again_after_a_failure_and_a_cancel() -> None:
    async def run() -> None:
        slots = Slots()
        free = provider_of("mx1.free.fr")
        assert free is not None

        async def fail() -> None:
            async with slots.slot("mx1.free.fr"):
                raise OSError("gone")

        async def wait() -> None:
            async with slots.slot("mx2.free.fr"):
                await asyncio.Event().wait()

        for _ in range(2 * free.connections):
            with pytest.raises(OSError, match="gone"):
                await fail()
            task = asyncio.create_task(wait())
            await asyncio.sleep(0)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        async with asyncio.timeout(60):
            for _ in range(free.connections):
                async with slots.slot("mx1.free.fr"):
                    pass

    asyncio.run(run())


def test_hosts_of_nobody_are_not_limited() -> None:
    async def run() -> None:
        slots = Slots()
        async with asyncio.timeout(60), slots.slot("mx.a.test"), slots.slot("mx.a.test"):
            pass

    asyncio.run(run())
