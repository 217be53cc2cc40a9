"""A file made true: its steps tried on a copy first, then done.

What is not in the file stays, unless it is to be pruned. Each step is an operation like any
other, in one transaction, so a second run goes on where a first one was broken off.
"""

import asyncio
import re
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Final

import msgspec

from postroom.admin.apply import checking, inventory, planning
from postroom.admin.apply.items import AccountItem, AliasItem, Manifest
from postroom.admin.apply.manifest import Faulty, Places
from postroom.admin.apply.rehearsal import Rehearsal, rehearsal
from postroom.admin.apply.steps import Step, StepView
from postroom.admin.office import Office
from postroom.directory.dkim_keys import Generate, generate_pair
from postroom.errors import MailError, Refused

TOGETHER: Final = 200  # steps that are tried at a time
_SIDE_BY_SIDE: Final = 64  # accounts that are made at a time


class Applied(msgspec.Struct, frozen=True):
    """What was done, or (``dry``) would be; ``next`` is what there is left to do by hand."""

    dry: bool
    steps: tuple[StepView, ...]
    next: tuple[str, ...] = ()


async def apply(
    office: Office,
    wanted: Manifest,
    *,
    prune: bool = False,
    dry: bool = False,
    places: Places | None = None,
    generate: Generate = generate_pair,
) -> Applied:
    """Make it so; ``prune`` removes what the file does not name. Raises Invalid, Refused.

    What can't be right is found before the first step: then nothing is done, and every fault is
    told with its place. When somebody changes the same meanwhile, and a step is refused all the
    same, the ones before it are done, and a second run goes on there. ``generate`` makes the keys
    of new domains.
    """
    places = places or Places()
    now = await inventory.domains_now(office)
    found = checking.canonical(wanted, now, places)
    made = found.manifest
    views, more = await _tried(office, made, found.places, prune=prune, generate=generate)
    faults = found.faults + [one for one in more if not _names_any(one, found.broken)]
    if faults:
        raise Faulty(faults)
    told = [] if dry else await _done(office, made, len(views), prune=prune, generate=generate)
    return Applied(dry, tuple(views), (*_passwords(made, views), *told))


async def _tried(
    office: Office, wanted: Manifest, places: Places, *, prune: bool, generate: Generate
) -> tuple[list[StepView], list[str]]:
    """The steps, and what is wrong with them."""
    views: list[StepView] = []
    faults: list[str] = []
    waiting: list[Step] = []
    concerned: dict[tuple[str, int], None] = {}
    steps = planning.steps(office, wanted, prune=prune, generate=cache(generate))
    first = await anext(steps, None)
    if first is None:
        return views, faults
    async with rehearsal(office) as copy:
        refused = _Refusals(places)
        waiting.append(first)
        async for step in steps:
            waiting.append(step)
            if len(waiting) == TOGETHER:
                refused.add(await copy.refused(waiting))
                views += [one.view for one in waiting]
                concerned |= dict.fromkeys(_concerned(waiting))
                waiting = []
        refused.add(await copy.refused(waiting))
        views += [one.view for one in waiting]
        concerned |= dict.fromkeys(_concerned(waiting))
        faults += refused.told
        for item in concerned:
            if item not in refused.items:
                faults += await _unheard(copy, wanted, refused, item)
    return views, faults


class _Refusals:
    """What is refused: of each item the first, as the others may come of it."""

    def __init__(self, places: Places) -> None:
        self.places = places
        self.items: set[tuple[str, int]] = set()
        self.names: set[str] = set()
        self.told: list[str] = []

    def add(self, refused: Sequence[tuple[Step, str]]) -> None:
        for step, reason in refused:
            if step.item is None:
                self.told.append(f"remove {step.view.kind} {step.view.name}: {reason}")
            elif step.item not in self.items:
                self.items.add(step.item)
                self.names.add(step.view.name)
                view = step.view
                self.told.append(
                    f"{self.places.of(*step.item)}: {view.action} {view.kind} {view.name}: {reason}"
                )


def _concerned(steps: Sequence[Step]) -> Iterator[tuple[str, int]]:
    """The items whose steps say where mail goes on to."""
    for step in steps:
        onward = step.view.kind == "alias" or "forward" in step.view.members
        if step.item is not None and step.view.action != "remove" and onward:
            yield step.item


async def _unheard(
    copy: Rehearsal, wanted: Manifest, refused: _Refusals, item: tuple[str, int]
) -> list[str]:
    """Targets in own domains that nobody has: what goes there would be lost to them."""
    kind, index = item
    one = getattr(wanted, kind)[index]
    targets: Sequence[str] = ()
    if isinstance(one, AliasItem):
        targets = one.targets
    elif isinstance(one, AccountItem) and one.forward is not None:
        targets = one.forward.to
    return [
        f"{refused.places.of(kind, index)}: {one.address} leads to {target}, which is no account or alias"
        " here and none of the file; add it, or mend the file"
        for target in await copy.missing(targets)
        if target not in refused.names
    ]


def _names_any(fault: str, names: Sequence[str]) -> bool:
    """Whether a fault is about something that is wrong in itself, and comes of that."""
    return any(re.search(rf"(?<![\w.+@-]){re.escape(one)}(?![\w.@-])", fault) for one in names)


async def _done(
    office: Office, wanted: Manifest, count: int, *, prune: bool, generate: Generate
) -> list[str]:
    """Do them, one after the other; what there is to tell."""
    doer = _Doer(office, count)
    async for step in planning.steps(office, wanted, prune=prune, generate=generate):
        await doer.take(step)
    await doer.finish()
    return doer.told


class _Doer:
    """Does steps in their order; but accounts that are new are made side by side.

    They need nothing of each other, and share the syncs of the disk.
    """

    def __init__(self, office: Office, count: int) -> None:
        self.told: list[str] = []
        self._office = office
        self._count = count
        self._number = 0
        self._new: dict[tuple[str, int], list[Step]] = {}

    async def take(self, step: Step) -> None:
        """Do it now, or with others in a moment."""
        is_new = step.view.kind == "account" and step.view.action == "add"
        if step.item is not None and (is_new or step.item in self._new):
            if is_new and len(self._new) == _SIDE_BY_SIDE:
                await self.finish()
            self._new.setdefault(step.item, []).append(step)
            return
        await self.finish()
        await self._do([step])

    async def finish(self) -> None:
        """Do what waits."""
        waiting, self._new = list(self._new.values()), {}
        for one in await asyncio.gather(*map(self._do, waiting), return_exceptions=True):
            if isinstance(one, BaseException):
                raise one

    async def _do(self, steps: Sequence[Step]) -> None:
        for step in steps:
            try:
                said = await step.run(self._office)
            except (Refused, MailError) as error:
                view = step.view
                raise Refused(
                    f"{view.action} {view.kind} {view.name}: {error}"
                    f" ({self._number} of {self._count} steps are done; mend it and run it again)"
                ) from error
            self._number += 1
            if isinstance(said, str):
                self.told.append(said)


def _passwords(wanted: Manifest, views: Sequence[StepView]) -> Iterator[str]:
    """Whom a password is to be given."""
    known = {one.address for one in wanted.account if one.password is not None}
    without = [
        view.name
        for view in views
        if (view.action, view.kind) == ("add", "account") and view.name not in known
    ]
    if without:
        more = "" if len(without) == 1 else f" and {len(without) - 1:,} more"
        yield (
            f"{without[0]}{more} can't log in yet: give them passwords, each with"
            f" postroom account password {without[0]}"
        )
