"""What both sides agree on at the beginning: version, what may be changed, which steps there are.

We offer everything that we can do. The milter answers with what it will do to messages, with
the steps it does not want to hear of or does not answer, and perhaps with the macros it wants.
"""

import enum
from collections.abc import Mapping
from typing import Final

import msgspec

from postroom.protocol.milter.packets import Malformed

VERSION: Final = 6
OLDEST: Final = 2

MAX_MACROS: Final = 100
"""Names of them that a milter may ask for at one stage."""


class Stage(enum.Enum):
    """The steps of a session; the value is the command."""

    CONNECT = b"C"
    HELO = b"H"
    MAIL = b"M"
    RCPT = b"R"
    DATA = b"T"
    HEADER = b"L"
    EOH = b"N"
    BODY = b"B"
    END = b"E"
    UNKNOWN = b"U"


class Actions(enum.IntFlag):
    """What a milter may do to a message."""

    ADD_HEADERS = 0x1
    CHANGE_BODY = 0x2
    ADD_RECIPIENTS = 0x4
    REMOVE_RECIPIENTS = 0x8
    CHANGE_HEADERS = 0x10
    QUARANTINE = 0x20
    CHANGE_SENDER = 0x40
    ADD_RECIPIENTS_WITH = 0x80
    """With parameters of RCPT."""
    CHOOSE_MACROS = 0x100


ALL_ACTIONS: Final = Actions(0x1FF)

_UNWANTED: Final = {
    Stage.CONNECT: 0x1,
    Stage.HELO: 0x2,
    Stage.MAIL: 0x4,
    Stage.RCPT: 0x8,
    Stage.BODY: 0x10,
    Stage.HEADER: 0x20,
    Stage.EOH: 0x40,
    Stage.UNKNOWN: 0x100,
    Stage.DATA: 0x200,
}
_UNANSWERED: Final = {
    Stage.HEADER: 0x80,
    Stage.CONNECT: 0x1000,
    Stage.HELO: 0x2000,
    Stage.MAIL: 0x4000,
    Stage.RCPT: 0x8000,
    Stage.DATA: 0x10000,
    Stage.UNKNOWN: 0x20000,
    Stage.EOH: 0x40000,
    Stage.BODY: 0x80000,
}
SKIP: Final = 0x400
LEADING_SPACE: Final = 0x100000
"""Values of header fields have the space after the colon, in both directions."""
_BLOCKS_256K: Final = 0x10000000
_BLOCKS_1M: Final = 0x20000000

OFFERED_STEPS: Final = (
    sum(_UNWANTED.values())
    | sum(_UNANSWERED.values())
    | SKIP
    | LEADING_SPACE
    | _BLOCKS_256K
    | _BLOCKS_1M
)

_STAGES_OF_MACROS: Final = (
    Stage.CONNECT,
    Stage.HELO,
    Stage.MAIL,
    Stage.RCPT,
    Stage.DATA,
    Stage.END,
    Stage.EOH,
)
_SINCE: Final = {Stage.UNKNOWN: 3, Stage.DATA: 4}


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """What was agreed. ``macros``: the names wanted at a stage; all where it does not say."""

    version: int = VERSION
    actions: Actions = ALL_ACTIONS
    steps: int = 0
    macros: Mapping[Stage, frozenset[bytes]] = {}

    def wants(self, stage: Stage) -> bool:
        """Whether the milter is told of this step."""
        return not self.steps & _UNWANTED.get(stage, 0) and self.version >= _SINCE.get(stage, 0)

    def answers(self, stage: Stage) -> bool:
        """Whether it answers then."""
        return not self.steps & _UNANSWERED.get(stage, 0)

    @property
    def block(self) -> int:
        """The most octets of data in a packet that it takes."""
        if self.steps & _BLOCKS_1M:
            return 1024 * 1024 - 1
        if self.steps & _BLOCKS_256K:
            return 256 * 1024 - 1
        return 64 * 1024 - 1


def offer() -> bytes:
    """The data of our offer."""
    return b"".join([one.to_bytes(4, "big") for one in (VERSION, ALL_ACTIONS, OFFERED_STEPS)])


def read(data: bytes) -> Options:
    """What the milter answers. Raises Malformed also for what was not offered."""
    if len(data) < 12:
        raise Malformed("its options are cut off")
    version, actions, steps = [int.from_bytes(data[at : at + 4], "big") for at in (0, 4, 8)]
    if not OLDEST <= version <= VERSION:
        raise Malformed(f"it speaks version {version} of the protocol")
    if actions & ~int(ALL_ACTIONS):
        raise Malformed(f"it wants actions that were not offered ({actions:#x})")
    if steps & ~OFFERED_STEPS:
        raise Malformed(f"it wants steps that were not offered ({steps:#x})")
    return Options(
        version=version, actions=Actions(actions), steps=steps, macros=_macros(data[12:])
    )


def _macros(data: bytes) -> dict[Stage, frozenset[bytes]]:
    found: dict[Stage, frozenset[bytes]] = {}
    while data:
        number = int.from_bytes(data[:4], "big")
        text, nul, data = data[4:].partition(b"\0")
        names = text.replace(b",", b" ").split()
        if not nul or number >= len(_STAGES_OF_MACROS) or len(names) > MAX_MACROS:
            raise Malformed("its list of macros can't be read")
        found[_STAGES_OF_MACROS[number]] = frozenset(names)
    return found
