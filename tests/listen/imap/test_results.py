"""How results are told and saved."""

from pathlib import Path

import pytest

from postroom.access import offload
from postroom.errors import MailError
from postroom.listen.imap.results import saving
from postroom.protocol.imap.esearch import Returns
from postroom.protocol.imap.tokens import BadSyntax, Unusable
from tests.conftest import Opener
from tests.listen.imap.house import House, at_home

LETTER = b"Subject: x\r\n\r\nbody\r\n"


class Selected:
    """Stands for a view."""

    saved: tuple[tuple[int, int], ...] = ((1, 3),)


@pytest.mark.parametrize(
    ("returns", "error", "kept"),
    [
        (Returns(save=True), MailError(), False),
        (Returns(save=True, count=True), Unusable(b"BADCHARSET", "no"), False),
        (Returns(save=True), ValueError(), False),
        (Returns(save=True), BadSyntax(), True),
        (Returns(count=True), MailError(), True),
        (None, MailError(), True),
    ],
)
def test_a_failure_empties_what_is_saved(
    returns: Returns | None, error: Exception, kept: bool
) -> None:
    view = Selected()
    with pytest.raises(type(error)), saving(view, returns):  # type: ignore[arg-type]
        raise error
    assert view.saved == (((1, 3),) if kept else ())


def test_success_leaves_it_to_whoever_tells() -> None:
    view = Selected()
    with saving(view, Returns(save=True)):  # type: ignore[arg-type]
        pass
    assert view.saved == ((1, 3),)


@pytest.mark.parametrize("large", [0, 1000])
def test_many_results_are_written_off_the_loop(
    database: Opener, data: Path, monkeypatch: pytest.MonkeyPatch, large: int
) -> None:
    monkeypatch.setattr(offload, "LARGE", large)

    async def main(home: House) -> None:
        client = await home.alice()
        for _ in range(3):
            await client.append(LETTER)
        await client.ok(b"SELECT INBOX")
        assert await client.ok(b"SEARCH ALL") == [b"* SEARCH 1 2 3\r\n"]
        told = await client.ok(b"UID SEARCH RETURN (ALL SAVE) 2:3")
        assert told == [b'* ESEARCH (TAG "t7") UID ALL 2:3\r\n']
        assert await client.ok(b"SEARCH $") == [b"* SEARCH 2 3\r\n"]

    at_home(data, main, database=database)
