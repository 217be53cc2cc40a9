"""A key is changed when nobody remembers a time before both records were there."""

import hashlib
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
)

from postroom.admin.dns import table
from postroom.admin.office import Office
from postroom.admin.tls import certificates, key_change
from postroom.db.database import Tx
from postroom.directory import certificates as rows
from postroom.directory.certificates import Held
from postroom.directory.sealing import open_sealed
from postroom.errors import NotFound, Refused
from postroom.net.dns import Resolver
from rig.dns import DnsServer
from tests.admin.tls.test_certificates import ZONE, tell
from tests.conftest import Opener
from tests.fakes import Clock

NAME = "mx.demo.test"


async def held(office: Office, name: str = NAME) -> Held:
    found = await office.directory.look(lambda tx: rows.find(tx, name))
    assert found is not None
    return found


async def is_due(office: Office, zone: dict[tuple[str, str], list[str]], name: str = NAME) -> bool:
    async with DnsServer({**ZONE, **zone}) as server:
        resolver = Resolver([server.address])
        port = int(server.address.rpartition(":")[2])
        try:
            return await key_change.is_due(office, await held(office, name), resolver, port=port)
        finally:
            await resolver.close()


def test_two_ttls_after_both_records_were_seen(database: Opener, data: Path) -> None:
    async def story(office: Office, resolver: Resolver, clock: Clock) -> None:
        with pytest.raises(NotFound):
            await key_change.begin(office, NAME)
        await certificates.see_to_all(office, resolver=resolver)
        assert not await is_due(office, {})
        digest = await key_change.begin(office, NAME)
        with pytest.raises(Refused, match="--now"):
            await key_change.begin(office, NAME)
        delegation = {("demo.test", "NS"): ["ns.demo.test."], ("ns.demo.test", "A"): ["127.0.0.1"]}
        place = (f"_25._tcp.{NAME}", "TLSA")
        old = f"3 1 1 {'ab' * 32}"
        assert not await is_due(office, {**delegation, place: [old]})
        assert (await held(office)).next_at == 0
        assert not await is_due(office, {**delegation, place: [old, f"3 1 1 {digest}"]})
        moment = (await held(office)).next_at
        assert moment > clock.now
        assert (moment - clock.now) % 2000 == 0
        clock.now = moment - 1
        assert not await is_due(office, {})
        clock.now = moment
        assert await is_due(office, {})

    tell(database, data, story)


def test_without_dane_nobody_waits(database: Opener, data: Path) -> None:
    async def story(office: Office, resolver: Resolver, _clock: Clock) -> None:
        await certificates.see_to_all(office, resolver=resolver)
        for name in (NAME, "autoconfig.demo.test"):
            await key_change.begin(office, name)
            assert await is_due(office, {}, name)
        delegation = {("demo.test", "NS"): ["ns.demo.test."], ("ns.demo.test", "A"): ["127.0.0.1"]}
        assert await is_due(office, delegation)

    tell(database, data, story)


def test_both_records_are_wanted_until_the_new_certificate_has_come(
    database: Opener, data: Path
) -> None:
    async def story(office: Office, resolver: Resolver, _clock: Clock) -> None:
        await certificates.see_to_all(office, resolver=resolver)
        digest = await key_change.begin(office, NAME)
        found = await table.records(office, "demo.test", resolver=resolver)
        assert f"3 1 1 {digest}" in [one.value for one in found if one.type == "TLSA"]
        (listed,) = [one for one in await certificates.every(office) if one.name == NAME]
        assert "its key is being changed" in listed.state
        before = await held(office)
        assert before.next_key is not None
        secret = open_sealed(office.directory.secrets.seal, before.next_key, rows.context(NAME))
        public = load_pem_private_key(secret, None).public_key()
        octets = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        assert hashlib.sha256(octets).hexdigest() == digest

        def come(tx: Tx) -> None:
            assert before.next_key is not None
            rows.use_next_key(tx, NAME, b"another")
            rows.use_next_key(tx, NAME, before.next_key)

        await office.db.write(come)
        after = await held(office)
        assert (after.key, after.next_key, after.next_at) == (before.next_key, None, 0)

    tell(database, data, story)


def test_an_order_that_fails_keeps_both_keys(database: Opener, data: Path) -> None:
    async def story(office: Office, resolver: Resolver, _clock: Clock) -> None:
        await certificates.see_to_all(office, resolver=resolver)
        await key_change.begin(office, NAME)
        before = await held(office)
        with pytest.raises(Refused):
            await certificates.renew(office, NAME, resolver=resolver, changes_key=True)
        after = await held(office)
        assert (after.key, after.next_key) == (before.key, before.next_key)

    tell(database, data, story)
