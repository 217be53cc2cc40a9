"""What belongs to an account, as it stands in a file."""

from collections.abc import Callable

from postroom.admin import accounts, domains, masks, spam
from postroom.admin.apply import inventory
from postroom.admin.apply.items import MaskItem, ScriptItem, VacationItem
from postroom.admin.filters import scripts, vacations
from postroom.admin.office import Office
from postroom.directory.vacations import Vacation
from tests.admin.bureau import Story
from tests.directory.keys import quick
from tests.fakes import Clock

BOB = "bob@demo.test"


def test_all_of_it_is_said_also_what_is_nothing(tell: Callable[[Story], None]) -> None:
    async def story(office: Office, _clock: Clock) -> None:
        await domains.add(office, "demo.test", generate=quick)
        await accounts.add(office, BOB, password=None)
        found = (await inventory.named(office, [BOB, "no@demo.test"], with_secrets=True))[BOB]
        assert [name for name in found.__struct_fields__ if getattr(found, name) is None] == [
            "password"
        ]
        assert (found.mask, found.script, found.fetch) == ((), (), ())
        assert (found.vacation, found.spam_level) == (VacationItem(text=""), "normal")
        await masks.bring(office, BOB, "one@demo.test", label="a", is_on=False)
        await masks.bring(office, BOB, "two@demo.test", label="", is_on=True)
        await scripts.put(office, BOB, "b", b"keep;\r\n", active=True)
        await vacations.change(office, BOB, Vacation("x", addresses=("rob@demo.test",)))
        await spam.set_level(office, BOB, "off")
        found = (await inventory.named(office, ["BOB@demo.test"], with_secrets=False))[
            "BOB@demo.test"
        ]
        assert found.mask == (
            MaskItem(address="one@demo.test", label="a", on=False),
            MaskItem(address="two@demo.test"),
        )
        assert found.script == (ScriptItem(name="b", text="keep;\r\n", active=True),)
        assert found.vacation == VacationItem(text="x", addresses=("rob@demo.test",))
        assert (found.spam_level, found.fetch) == ("off", None)

    tell(story)
