import asyncio
from pathlib import Path

import pytest

from postroom.admin.demo import DOMAIN, SAMPLES, furnish, letter
from postroom.admin.open import open_office
from postroom.config.model import Config
from postroom.message.headers import split
from postroom.message.index import index
from postroom.message.scan import scan

NOW = 1_790_000_000_000


def test_people_are_made_once_and_get_new_passwords(data: Path) -> None:
    async def run() -> None:
        async with open_office(Config(hostname="mail.demo.test", data=str(data))) as office:
            first, second = await furnish(office), await furnish(office)
            people = {f"{local}@{DOMAIN}" for local in ("alice", "bob", "outbound")}
            assert first.keys() == second.keys() == people
            alice = f"alice@{DOMAIN}"
            assert await office.directory.password(alice, second[alice], "imap")
            assert await office.directory.password(alice, first[alice], "imap") is None

    asyncio.run(run())


def test_six_letters_wait() -> None:
    assert len(SAMPLES) == 6


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.subject[:12])
def test_each_sample_is_a_letter_that_reads_back(sample) -> None:  # type: ignore[no-untyped-def]
    octets = letter(sample, NOW)
    head, _ = split(octets)
    assert index(head, scan(octets)).subject == sample.subject
    assert octets.isascii()
    assert b"\n" not in octets.replace(b"\r\n", b"")
