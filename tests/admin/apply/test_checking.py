"""What is wrong with a file is found before anything is done."""

from collections.abc import Callable

import pytest

from postroom.admin import accounts, domains
from postroom.admin.apply import applying, manifest
from postroom.admin.office import Office
from postroom.errors import Invalid
from tests.admin.bureau import Story
from tests.fakes import Clock

Tell = Callable[[Story], None]

BAD = """
[[domain]]
name = "new.test"

[[account]]
address = "good@demo.test"
administers = ["new.test"]
role = "admin"

[[account]]
address = "a@@demo.test"

  [[account]]
address = "a@other.test"

[[account]]
address = "b@demo.test"
quota = -1

[[account]]
address = "c@demo.test"
password = { hash = "x", salt = "!", rounds = 1, stored_key = "", server_key = "" }

[[account]]
address = "d@demo.test"
password = { hash = "x", salt = "", rounds = 0, stored_key = "", server_key = "" }

[[account]]
address = "GOOD@demo.test"

[[alias]]
address = "all@new.test"
targets = []
"""


def test_every_fault_is_told_with_its_line_and_nothing_is_done(tell: Tell) -> None:
    async def story(office: Office, _clock: Clock) -> None:
        await domains.add(office, "demo.test")
        with pytest.raises(manifest.Faulty) as error:
            await applying.apply(office, manifest.read(BAD), places=manifest.Places(BAD, "f.toml"))
        told = error.value.faults
        assert [one.partition(":")[0] for one in told] == [
            f"f.toml, line {BAD.splitlines().index(first) + 1 - back}"
            for first, back in (
                ('address = "a@@demo.test"', 1),
                ('address = "a@other.test"', 1),
                ('address = "b@demo.test"', 1),
                ('address = "c@demo.test"', 1),
                ('address = "d@demo.test"', 1),
                ('address = "GOOD@demo.test"', 1),
                ('address = "all@new.test"', 1),
            )
        ]
        for one, words in zip(
            told,
            (
                "a@@",
                "neither",
                "quota",
                "base64",
                "password",
                "taken already: f.toml, line 5",
                "targets",
            ),
            strict=True,
        ):
            assert words in one
        assert [one async for one in accounts.every(office)] == []
        assert [one.name async for one in domains.every(office)] == ["demo.test"]

    tell(story)


def test_without_a_text_items_are_counted(tell: Tell) -> None:
    async def story(office: Office, _clock: Clock) -> None:
        some = manifest.read('[[alias]]\naddress = "a@b.test"\ntargets = ["x@y.test"]')
        with pytest.raises(Invalid, match=r"alias\[0\]: b.test is neither"):
            await applying.apply(office, some)

    tell(story)
