"""An install with mail of every kind, to be backed up."""

from pathlib import Path

from postroom.admin import accounts, domains
from postroom.admin.moving import importing
from postroom.admin.moving.importing import Order
from postroom.admin.office import Office
from postroom.config.model import Config
from tests.directory.keys import quick

ALICE = "alice@demo.test"
FROM = b"From a@x.test Thu Nov 26 02:36:09 2026\n"
SMALL = b"Subject: small\n\nhello\n"


def config(folder: Path, name: str = "data", url: str | None = None) -> Config:
    return Config(hostname="mx.demo.test", data=str(folder / name), database=url)


def noise(seed: int, octets: int) -> bytes:
    """Text that does not compress, so that the body becomes a file."""
    import base64
    import random

    chance = random.Random(seed)
    return base64.encodebytes(chance.randbytes(octets))


async def town(office: Office) -> None:
    await domains.add(office, "demo.test", generate=quick)
    await accounts.add(office, ALICE, password="long enough 1")


async def letters(office: Office, folder: Path, *contents: bytes) -> None:
    path = folder / "letters"
    path.write_bytes(b"".join(FROM + one + b"\n" for one in contents))
    await importing.run(office, ALICE, importing.files("mbox", path), Order(folder="INBOX"))


def large(seed: int) -> bytes:
    return b"Subject: large %d\n\n" % seed + noise(seed, 200_000)
