"""The file in pieces."""

from collections.abc import Callable

import msgspec
import pytest

from postroom.admin import accounts, domains
from postroom.admin.apply import exporting, inventory, manifest
from postroom.admin.filters import scripts
from postroom.admin.office import Office
from tests.admin.apply.test_inventory import everything
from tests.admin.bureau import Story
from tests.directory.keys import quick
from tests.fakes import Clock


@pytest.mark.parametrize("with_secrets", [False, True])
def test_the_pieces_are_the_whole(
    with_secrets: bool, tell: Callable[[Story], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inventory, "TOGETHER", 2)

    async def story(office: Office, _clock: Clock) -> None:
        await domains.add(office, "demo.test", generate=quick)
        for number in range(5):
            await accounts.add(office, f"p{number}@demo.test", password="long enough")
        text = 'keep;\r\n# \\ \'\'\' """"\r\n\r\n\t# end'
        await scripts.put(office, "p0@demo.test", "a", text.encode())
        pieces = [one async for one in exporting.written(office, with_secrets=with_secrets)]
        assert len(pieces) == 1 + 1 + 3  # the note, the domain, the accounts
        assert ("holds secrets" in pieces[0]) == with_secrets
        assert "Left out always: app passwords" in pieces[0]
        found = manifest.read("".join(pieces))
        assert found == await everything(office, with_secrets=with_secrets)
        assert [one.text for one in found.account[0].script or ()] == [text]

    tell(story)


@pytest.mark.parametrize("count", [0, 1, 5])
def test_the_pieces_of_json_are_the_whole(
    count: int, tell: Callable[[Story], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inventory, "TOGETHER", 2)

    async def story(office: Office, _clock: Clock) -> None:
        await domains.add(office, "demo.test", generate=quick)
        for number in range(count):
            await accounts.add(office, f"p{number}@demo.test", password="long enough")
        pieces = [one async for one in exporting.encoded(office)]
        assert max(piece.count(b"@demo.test") for piece in pieces) == min(count, 2)
        assert b"".join(pieces) == msgspec.json.encode(await everything(office))

    tell(story)
