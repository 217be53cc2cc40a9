from collections.abc import Callable

import msgspec
import pytest

from postroom.access.scripts import VACATION_TWICE
from postroom.admin.filters import scripts, vacations
from postroom.admin.office import Office
from postroom.directory.vacations import Vacation
from postroom.errors import Invalid, NotFound
from postroom.sieve.compiler import compile_script
from tests.admin.bureau import Story
from tests.admin.filters.test_scripts import ALICE, furnish
from tests.fakes import Clock

Tell = Callable[[Story], None]
AWAY = Vacation("Back in May.\r\n\r\nA\n", " Away ", "2026-04-01", "2026-04-30", 3)


def test_a_vacation_is_set_shown_and_ended(tell: Tell) -> None:
    async def story(office: Office, _clock: Clock) -> None:
        await furnish(office)
        with pytest.raises(NotFound, match="postroom vacation set"):
            await vacations.show(office, ALICE)
        away = msgspec.structs.replace(AWAY, addresses=("A@x.test", "A@x.test"))
        found = await vacations.change(office, ALICE, away)
        assert (found.text, found.subject, found.days) == ("Back in May.\n\nA", "Away", 3)
        assert (found.begins, found.ends) == ("2026-04-01", "2026-04-30")
        assert (found.addresses, found.warning) == (("A@x.test",), "")
        assert await vacations.show(office, ALICE) == found
        assert (
            "vacation" in compile_script((await vacations.sieve(office, ALICE)).encode()).extensions
        )
        await vacations.end(office, ALICE)
        with pytest.raises(NotFound):
            await vacations.end(office, ALICE)
        with pytest.raises(NotFound):
            await vacations.sieve(office, ALICE)

    tell(story)


def test_a_script_that_answers_too_is_told(tell: Tell) -> None:
    async def story(office: Office, _clock: Clock) -> None:
        await furnish(office)
        for script, warning in (
            (b"keep;", ""), (b'require "vacation"; vacation "x";', VACATION_TWICE),
        ):  # fmt: skip
            await scripts.put(office, ALICE, "own", script, active=True)
            assert (await vacations.change(office, ALICE, AWAY)).warning == warning
        await office.db.write(lambda tx: tx.execute("UPDATE script SET content = 'nonsense'"))
        assert (await vacations.show(office, ALICE)).warning == ""

    tell(story)


@pytest.mark.parametrize(
    "changed",
    [
        {"text": ""}, {"text": " \n"}, {"text": "x" * 10_001}, {"text": "a\0b"},
        {"subject": "a\nb"}, {"subject": "x" * 201}, {"begins": "tomorrow"}, {"ends": "2026-02-30"},
        {"begins": "2026-05-01"}, {"days": 0}, {"days": 91}, {"addresses": ("nobody",)},
        {"addresses": ("a@x.test",) * 51},
    ],
)  # fmt: skip
def test_vacations_that_make_no_sense(tell: Tell, changed: dict[str, object]) -> None:
    async def story(office: Office, _clock: Clock) -> None:
        await furnish(office)
        with pytest.raises(Invalid):
            await vacations.change(office, ALICE, msgspec.structs.replace(AWAY, **changed))
        with pytest.raises(NotFound):
            await vacations.show(office, ALICE)

    tell(story)
