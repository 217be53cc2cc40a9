"""ClamAV: a message is streamed to clamd, which answers with the name of what it found.

``zINSTREAM``, then chunks with their length in four octets, the last one empty; the answer ends
with NUL: "stream: OK", "stream: NAME FOUND" or "REASON ERROR" (clamd(8), "INSTREAM").
"""

import re
from typing import Final

from postroom.config.filters import Place
from postroom.policy.facts import Facts
from postroom.policy.filters.finding import Finding
from postroom.policy.filters.wire import Failed, connected

MAX_ANSWER: Final = 4_096
MAX_NAME: Final = 100  # characters of what was found

_FOUND: Final = re.compile(r"stream: (\S.*) FOUND")


async def ask(place: Place, facts: Facts, _hostname: str) -> Finding:
    """Refuse what has a virus in it. Raises Failed."""
    async with connected(place) as wire:
        await wire.send(b"zINSTREAM\0")
        async for piece in facts.octets():
            if piece:
                await wire.send(len(piece).to_bytes(4, "big") + piece)
        await wire.send(bytes(4))
        answer = await wire.answer(MAX_ANSWER, until=b"\0")
    return read(answer.decode("ascii", "replace").strip())


def read(answer: str) -> Finding:
    """What the answer says. Raises Failed for what is none."""
    if answer == "stream: OK":
        return Finding()
    found = _FOUND.fullmatch(answer)
    if found is not None:
        name = found[1][:MAX_NAME]
        return Finding(
            action="refuse",
            reason=f"{name} was found",
            told=f"The message holds malware: {name}",
            kind="malware",
        )
    raise Failed(f"it answered {answer[:200]!r}")
