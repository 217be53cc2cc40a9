import re
from pathlib import Path

import msgspec
import pytest

from postroom.admin import forwards
from postroom.admin.filters import rules, vacations
from postroom.admin.office import Office
from postroom.directory.vacations import Vacation
from postroom.errors import Invalid, NotFound
from postroom.web.pages.filters import number
from tests.conftest import Opener
from tests.fakes import Clock
from tests.web.browser import PERSON, Browser, tell

HERE = "/me/filters"
AWAY = Vacation("Away.", "", "", "", 7, ())


def test_an_answer_while_away_is_set_changed_and_ended(database: Opener, data: Path) -> None:
    async def story(browser: Browser, office: Office, _clock: Clock) -> None:
        await browser.get(HERE)
        fields = {
            "text": "Back in May </textarea>", "subject": "", "begins": "2026-05-01",
            "ends": "2026-05-31", "days": "3",
        }  # fmt: skip
        assert (await browser.post(f"{HERE}/vacation", fields)).status == 303
        found = await vacations.show(office, PERSON)
        assert (found.text, found.days) == ("Back in May </textarea>", 3)
        further = msgspec.structs.replace(AWAY, addresses=("bob@elsewhere.test",))
        await vacations.change(office, PERSON, further)
        await browser.get(HERE)
        assert (await browser.post(f"{HERE}/vacation", fields)).status == 303
        found = await vacations.show(office, PERSON)
        assert (found.text, found.addresses) == (fields["text"], ("bob@elsewhere.test",))
        await browser.get(HERE)
        assert "Your answer is on from 2026-05-01 to 2026-05-31." in browser.text
        assert "&lt;/textarea&gt;" in browser.page
        assert (await browser.post(f"{HERE}/vacation", {**fields, "days": "0"})).status == 400
        await browser.get(HERE)
        await browser.post(f"{HERE}/vacation", {"end": "1"})
        with pytest.raises(NotFound):
            await vacations.show(office, PERSON)

    tell(database, data, story, logged_in=PERSON)


def test_rules_are_added_sorted_and_removed(database: Opener, data: Path) -> None:
    async def story(browser: Browser, office: Office, _clock: Clock) -> None:
        for value in ("invoice", "<i>list"):
            await browser.get(HERE)
            fields = {
                "field": "subject", "test": "contains", "value": value,
                "action": "move", "argument": "Bills",
            }  # fmt: skip
            assert (await browser.post(f"{HERE}/rules", fields)).status == 303
        await browser.get(HERE)
        assert "If subject contains <i>list move to Bills" in browser.text
        await browser.post(f"{HERE}/rules/change", {"number": "2", "up": "1"})
        found = await rules.show(office, PERSON)
        assert [one.conditions[0].value for one in found.rules] == ["<i>list", "invoice"]
        await browser.get(HERE)
        marks = re.findall(r'name="seen" value="(\w+)"', browser.page)
        assert len(set(marks)) == 2
        again = browser.page
        first = {"number": "1", "seen": marks[0]}
        assert (await browser.post(f"{HERE}/rules/change", first)).status == 303
        browser.page = again
        for more in ({}, {"up": "1"}):  # pressed twice: the rule has another number, or is gone
            browser.page = again
            said = await browser.post(f"{HERE}/rules/change", {**first, **more})
            assert said.status == 400
            assert "rule 1 is another one now" in browser.text
        (left,) = (await rules.show(office, PERSON)).rules
        assert left.conditions[0].value == "invoice"
        await browser.get(HERE)
        bad = {"field": "moon", "test": "is", "value": "x", "action": "move", "argument": "y"}
        assert (await browser.post(f"{HERE}/rules", bad)).status == 400

    tell(database, data, story, logged_in=PERSON)


def test_forwarding_begins_and_ends(database: Opener, data: Path) -> None:
    async def story(browser: Browser, office: Office, _clock: Clock) -> None:
        await browser.get(HERE)
        await browser.post(f"{HERE}/forward", {"to": "b@other.test, c@other.test", "keep": "on"})
        found = await forwards.show(office, PERSON)
        assert (found.to, found.keeps_copy) == (("b@other.test", "c@other.test"), True)
        await browser.get(HERE)
        await browser.post(f"{HERE}/forward", {"to": ""})
        assert (await forwards.show(office, PERSON)).to == ()

    tell(database, data, story, logged_in=PERSON)


@pytest.mark.parametrize("text", ["", "-1", "1.5", "\u00b2", "9" * 10])
def test_only_whole_numbers_are_numbers(text: str) -> None:
    assert number("007", "days") == 7
    with pytest.raises(Invalid):
        number(text, "days")


@pytest.mark.parametrize(
    ("action", "words"),
    [("move", "type the folder"), ("flag", "type the flag"), ("forward", "type the address")],
)
def test_a_rule_that_lacks_its_last_word_says_which(
    database: Opener, data: Path, action: str, words: str
) -> None:
    async def story(browser: Browser, office: Office, _clock: Clock) -> None:
        await browser.get(HERE)
        fields = {
            "field": "from", "test": "is", "value": "x", "action": action, "argument": " ",
        }  # fmt: skip
        assert (await browser.post(f"{HERE}/rules", fields)).status == 400
        assert words in browser.text
        assert (await rules.show(office, PERSON)).rules == ()

    tell(database, data, story, logged_in=PERSON)


def test_what_is_thrown_away_needs_no_word(database: Opener, data: Path) -> None:
    async def story(browser: Browser, office: Office, _clock: Clock) -> None:
        await browser.get(HERE)
        fields = {
            "field": "from", "test": "is", "value": "x", "action": "discard", "argument": "left",
        }  # fmt: skip
        said = await browser.post(f"{HERE}/rules", fields)
        assert said.headers["location"] == f"{HERE}#done"
        await browser.get(HERE)
        assert "throw away" in browser.text

    tell(database, data, story, logged_in=PERSON)
