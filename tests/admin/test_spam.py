"""The spam filter for its postmaster."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from postroom.admin import accounts, domains, spam
from postroom.admin.office import Office
from postroom.admin.open import open_office
from postroom.admin.spam import Trained
from postroom.config.model import Config
from postroom.config.spam import Spam
from postroom.directory.accounts import KEPT_MS
from postroom.errors import NotFound
from postroom.policy.knowledge import Lesson
from tests.directory.keys import quick
from tests.policy.letters import HAM, SPAM, letter

ALICE = "alice@demo.test"


def run(data: Path, work: Callable[[Office], Awaitable[None]], **settings: bool) -> None:
    async def opened() -> None:
        config = Config(hostname="mx.demo.test", data=str(data), spam=Spam(**settings))
        async with open_office(config) as office:
            await domains.add(office, "demo.test", generate=quick)
            await accounts.add(office, ALICE, password=None)
            await work(office)

    asyncio.run(opened())


def many(text: str, count: int = 60) -> list[bytes]:
    return [
        letter(f"{text} {number % 5}", text.split()[number % 3], number) for number in range(count)
    ]


def test_it_is_taught_and_asked(data: Path) -> None:
    async def work(office: Office) -> None:
        assert await spam.train(office, "", spam=many(SPAM)) == Trained("", 60, 0, 60)
        assert await spam.train(office, "", spam=many(SPAM)) == Trained("", 60, 0, 0)
        found = await spam.status(office)
        assert (found.spam, found.ham, found.level) == (60, 0, "normal")
        assert found.tokens > 5
        assert not (await spam.judge(office, letter(SPAM), "")).clues
        await spam.train(office, "", ham=many(HAM))
        judged = await spam.judge(office, letter(SPAM, number=999), "")
        assert judged.learned > 1
        assert judged.score == judged.learned
        assert any("pills" in clue.words for clue in judged.clues)
        assert not judged.signs
        assert await spam.forget(office) == 120
        assert (await spam.status(office)).spam == 0

    run(data, work)


@pytest.mark.parametrize(("ratio", "order"), [(1.0, "shshh"), (2.0, "shhsh"), (0.5, "sshhh")])
def test_both_kinds_are_learned_in_turn(ratio: float, order: str) -> None:
    spams = [Lesson(bytes([n]), (), is_spam=True) for n in range(2)]
    hams = [Lesson(bytes([n]), (), is_spam=False) for n in range(3)]
    found = list(spam._in_turn(iter(spams), iter(hams), ratio))
    assert "".join("s" if one.is_spam else "h" for one in found) == order


def test_an_account_learns_for_itself_and_for_all(data: Path) -> None:
    async def work(office: Office) -> None:
        await spam.train(office, ALICE, spam=many(SPAM, 3))
        assert (await spam.status(office, ALICE)).spam == 3
        assert (await spam.status(office)).spam == 3
        assert await spam.forget(office, ALICE) == 3
        assert (await spam.status(office)).spam == 3

    run(data, work)


def test_or_for_itself_alone(data: Path) -> None:
    async def work(office: Office) -> None:
        await spam.train(office, ALICE, spam=many(SPAM, 3))
        assert (await spam.status(office, ALICE)).spam == 3
        assert (await spam.status(office)).spam == 0
        await spam.train(office, "", ham=many(HAM, 2))
        assert (await spam.status(office)).ham == 2

    run(data, work, learn_together=False)


def test_levels(data: Path) -> None:
    async def work(office: Office) -> None:
        assert (await spam.set_level(office, ALICE, "strict")).level == "strict"
        assert (await spam.judge(office, letter(SPAM), ALICE)).threshold == 3.0
        assert (await spam.set_level(office, ALICE, "normal")).level == "normal"
        assert (await spam.judge(office, letter(SPAM), ALICE)).threshold == 5.0
        with pytest.raises(NotFound):
            await spam.set_level(office, "carol@demo.test", "off")

    run(data, work)


def test_with_an_account_goes_what_it_has_learned(data: Path) -> None:
    async def work(office: Office) -> None:
        await spam.train(office, ALICE, spam=many(SPAM, 3))
        await accounts.remove(office, ALICE)

        async def erase(_ident: int) -> None:
            pass

        await accounts.purge_removed(office, office.now() + KEPT_MS + 1, erase)
        rows = await office.db.read(
            lambda tx: tx.all("SELECT DISTINCT account_id FROM spam_token ORDER BY account_id")
        )
        assert rows == [(0,)]

    run(data, work)
