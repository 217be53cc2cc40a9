"""What people may do with their Sieve scripts: nothing is stored that is no valid script.

Scripts of the site are handled in the same way, under the account ``directory.scripts.SITE``;
that only a postmaster does so is for the caller to see to. RFC 5804, RFC 6609 §3.
"""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from postroom.db.database import Tx
from postroom.db.ids import Ids
from postroom.directory import scripts, vacations
from postroom.directory.directory import Directory
from postroom.directory.scripts import SITE, Room, TooLarge
from postroom.errors import Invalid
from postroom.sieve.compiler import compile_script
from postroom.sieve.problems import Problem, ScriptError
from postroom.sieve.script import Call, Script as Compiled

_OFF_LOOP: Final = 8 * 1024  # octets of a script that is compiled in a thread

VACATION_TWICE: Final = (
    "the vacation of the settings is on as well: to letters that this script answers or refuses"
    " it says nothing"
)


class BadScript(Invalid):
    """The text is no valid script; the message has a line for each problem."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(map(str, self.problems)))


class Scripts:
    """The scripts of all accounts. Every method raises Refused when it can't be done."""

    def __init__(
        self, directory: Directory, ids: Ids, clock: Callable[[], int], room: Room
    ) -> None:
        """``clock`` is UTC milliseconds."""
        self._directory = directory
        self._ids = ids
        self._clock = clock
        self.room = room

    async def of(self, account_id: int) -> list[scripts.Script]:
        """All of them by name."""
        return await self._directory.look(lambda tx: scripts.of(tx, account_id))

    async def text(self, account_id: int, name: str) -> str:
        """The text of one, as it was put."""
        return await self._directory.look(lambda tx: scripts.text(tx, account_id, name))

    async def check_room(self, account_id: int, name: str, octets: int) -> None:
        """Whether a script of this name and size may be put; raises TooMany, TooLarge."""
        await self._directory.look(
            lambda tx: scripts.check_room(tx, account_id, name, octets, self.room)
        )

    async def check(self, account_id: int, octets: bytes) -> tuple[str, ...]:
        """What its owner should know of a valid script; raises BadScript, TooLarge."""
        compiled = await self._compile(octets)
        return await self._directory.look(lambda tx: _warnings(tx, account_id, compiled))

    async def put(self, account_id: int, name: str, octets: bytes) -> tuple[str, ...]:
        """Store a script, in place of one of that name; what its owner should know.

        Raises BadScript, TooMany, TooLarge; what was stored before is there still then.
        """
        await self.check_room(account_id, name, len(octets))
        compiled = await self._compile(octets)
        content, ident, now = octets.decode(), self._ids.next(), self._clock()

        def write(tx: Tx) -> tuple[str, ...]:
            scripts.check_room(tx, account_id, name, len(octets), self.room)
            scripts.put(tx, account_id, ident, name, content, now)
            return _warnings(tx, account_id, compiled)

        return await self._directory.change(write)

    async def activate(self, account_id: int, name: str) -> None:
        """Let this script run on every letter from now on, in place of the one before.

        A script that this version does not understand any more is refused with BadScript.
        """
        await self._compile((await self.text(account_id, name)).encode())
        await self._directory.change(lambda tx: scripts.activate(tx, account_id, name))

    async def deactivate(self, account_id: int) -> None:
        """Let no script run."""
        await self._directory.change(lambda tx: scripts.deactivate(tx, account_id))

    async def rename(self, account_id: int, old: str, new: str) -> None:
        """Give one another name; an active one stays active."""
        await self._directory.change(lambda tx: scripts.rename(tx, account_id, old, new))

    async def remove(self, account_id: int, name: str) -> None:
        """Delete one; raises NotAllowed for the active one."""
        await self._directory.change(lambda tx: scripts.remove(tx, account_id, name))

    async def _compile(self, octets: bytes) -> Compiled:
        if len(octets) > self.room.octets:
            raise TooLarge(
                f"the script has {len(octets)} octets; at most {self.room.octets} are allowed"
            )
        try:
            if len(octets) <= _OFF_LOOP:
                return compile_script(octets)
            return await asyncio.to_thread(compile_script, octets)
        except ScriptError as error:
            raise BadScript(error.problems) from error


def calls(compiled: Compiled) -> Iterator[Call]:
    """Every command and test of a script."""
    waiting = list(compiled.commands)
    while waiting:
        call = waiting.pop()
        yield call
        waiting += [*call.block, *call.tests]
        for test, block in call.branches:
            waiting += block if test is None else (test, *block)


def _warnings(tx: Tx, account_id: int, compiled: Compiled) -> tuple[str, ...]:
    """RFC 5804 §1.3 WARNINGS: what is no error and yet hardly meant."""
    found: list[str] = []
    for call in calls(compiled):
        if call.name != "include" or "optional" in call.tags:
            continue
        is_global = "global" in call.tags
        if account_id == SITE and not is_global:
            continue  # whose script it is shows when it runs
        owner = SITE if is_global else account_id
        value = call.arguments[0]
        names = value if isinstance(value, tuple) else ()
        found += [
            f"line {call.place.line}, column {call.place.column}: there is no script {name!r} yet;"
            " until then this script fails here"
            for name in names
            if isinstance(name, str) and scripts.find(tx, owner, name) is None
        ]
    if "vacation" in compiled.extensions and vacations.of(tx, account_id) is not None:
        found.append(VACATION_TWICE)
    return tuple(sorted(found))
