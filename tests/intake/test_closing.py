"""What becomes of a message that nobody is to get, or somebody is to look at first."""

from pathlib import Path

import pytest

from postroom.protocol.milter.packets import pack, strings
from tests.conftest import Opener
from tests.intake.desk import (
    Desk,
    said,
    send,
)
from tests.intake.milters import asked, stranger, tell
from tests.policy.filters.libmilter import (
    CONTINUE,
    DISCARD,
    Milter,
)


@pytest.mark.parametrize("step", ["M", "R", "B", "E"])
def test_what_is_discarded_is_told_of_in_its_story(database: Opener, data: Path, step: str) -> None:
    async def story(here: Desk) -> None:
        async with asked(here, Milter(**{step: DISCARD})):
            one = await stranger(here)
            (answer,) = await send(one, "bob@local.test")
            assert said(answer) == "250 2.0.0"
            await one.close()
        (fact,) = await here.told(answer)
        assert fact[0] == "checked"
        assert fact[2].startswith("milter: discarded (at ")
        assert "blob" not in await here.counts()
        assert here.files() == []

    tell(database, data, story)


def test_what_is_quarantined_waits_for_somebody(database: Opener, data: Path) -> None:
    async def story(here: Desk) -> None:
        end = pack(b"q", strings(b"looks odd")) + CONTINUE
        async with asked(here, Milter(E=end)):
            one = await stranger(here, relay=True)
            (answer,) = await send(one, "bob@local.test", "far@elsewhere.test")
            assert said(answer) == "250 2.0.0"
            await one.close()
        assert await here.inbox(here.bob) == []
        rows = await here.db.read(lambda tx: tx.all("SELECT reason FROM reject"))
        assert rows == [("milter: quarantined (looks odd)",)]
        assert await here.db.read(lambda tx: tx.all("SELECT held FROM queued")) == [(1,)]
        assert await here.db.read(lambda tx: tx.all("SELECT status FROM delivery")) == [(3,)]
        kinds = {(kind, recipient) for kind, recipient, _ in await here.told(answer)}
        assert ("held", "bob@local.test") in kinds

    tell(database, data, story)


def test_lmtp_answers_those_who_came(database: Opener, data: Path) -> None:
    async def story(here: Desk) -> None:
        end = pack(b"-", strings(b"<bob@local.test>")) + pack(b"+", strings(b"<bob@local.test>"))
        async with asked(here, Milter(E=end + CONTINUE)):
            one = await stranger(here, door="lmtp")
            answers = await send(one, "bob@local.test", "alice@local.test")
            assert [said(one) for one in answers] == ["250 2.0.0"] * 2
            await one.close()
        assert len(await here.inbox(here.bob)) == len(await here.inbox(here.alice)) == 1

    tell(database, data, story)


def test_when_nobody_is_left_its_story_tells(database: Opener, data: Path) -> None:
    async def story(here: Desk) -> None:
        end = pack(b"-", strings(b"<bob@local.test>")) + CONTINUE
        async with asked(here, Milter(E=end)):
            one = await stranger(here)
            (answer,) = await send(one, "bob@local.test")
            assert said(answer) == "250 2.0.0"
            await one.close()
        facts = [fact[2] for fact in await here.told(answer)]
        assert facts == ["milters: they have removed every recipient"]
        assert "blob" not in await here.counts()

    tell(database, data, story)
