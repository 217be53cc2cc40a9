"""The steps of mailing lists: first the lists themselves, then who is in them.

So a list may be in another one, whatever the order of the file.
"""

from collections.abc import Iterator, Sequence
from typing import Any, Final

from postroom.admin import lists
from postroom.admin.apply.items import MailingListItem
from postroom.admin.apply.steps import Step, StepView, There, change, differences, doing
from postroom.admin.lists import Changes
from postroom.admin.office import Office

_SETTINGS: Final = {
    "name", "posting", "moderation", "subscribing", "rewrite_from", "own_copy", "max_size",
}  # fmt: skip
_PEOPLE: Final = ("owners", "archive", "members", "suspended")


def steps(wanted: Sequence[MailingListItem], now: Sequence[MailingListItem]) -> Iterator[Step]:
    """What there is to do."""
    there = There(now)
    for index, one in enumerate(wanted):
        before, item = there.find(one), ("mailing_list", index)
        if before is None:
            said = {name: getattr(one, name) for name in _SETTINGS}
            run = doing(lists.add, one.address, Changes(**said))
            yield Step(StepView("add", "mailing list", one.address), run, item)
        elif said := differences(one, before, _SETTINGS):
            run = doing(lists.change, before.address, Changes(**said))
            yield Step(change("mailing list", before.address, before, said), run, item)
    for index, one in enumerate(wanted):
        before = there.find(one) or MailingListItem(
            address=one.address, owners=(), archive=(), members=(), suspended=()
        )
        if people := _people(one, before):
            view = change("mailing list", before.address, before, people)
            yield Step(view, doing(_put, one, before), ("mailing_list", index))


def _people(one: MailingListItem, now: MailingListItem) -> dict[str, Any]:
    """Those of the roles whose people are said, and are not these."""
    return {
        name: wanted
        for name in _PEOPLE
        if (wanted := getattr(one, name)) is not None
        and _folded(wanted) != _folded(getattr(now, name))
    }


async def _put(office: Office, one: MailingListItem, now: MailingListItem) -> None:
    address, said = now.address, _people(one, now)
    if "owners" in said or "archive" in said:
        changes = Changes(owners=said.get("owners"), archive=said.get("archive"))
        await lists.change(office, address, changes)
    if "members" in said:
        new, gone = _difference(one.members, now.members)
        if new:
            await lists.add_members(office, address, new)
        if gone:
            await lists.remove_members(office, address, gone)
    if "suspended" in said:
        new, gone = _difference(one.suspended, now.suspended)
        left = _folded(one.members if one.members is not None else now.members)
        await lists.suspend_members(office, address, new, suspended=True)
        still = [each for each in gone if each.casefold() in left]
        await lists.suspend_members(office, address, still, suspended=False)


def _difference(
    wanted: Sequence[str] | None, now: Sequence[str] | None
) -> tuple[list[str], list[str]]:
    """Who comes, and who goes."""
    new, old = _folded(wanted), _folded(now)
    return (
        [one for one in wanted or () if one.casefold() not in old],
        [one for one in now or () if one.casefold() not in new],
    )


def _folded(people: Sequence[str] | None) -> frozenset[str]:
    return frozenset(one.casefold() for one in people or ())
