"""Asks a certificate authority, through a child process (``acme_child``).

The child gets the keys through a pipe, never in its arguments or environment, and is ended when
it takes too long.
"""

import asyncio
import sys
from datetime import datetime
from typing import Final, Protocol, Self

import msgspec

from postroom.net.acme_child import Order, Said

SECONDS: Final = 300.0  # for one order, all in all
MAX_LINE: Final = 1 << 20  # octets


class Prover(Protocol):
    """Lets an authority see that names are ours. Its methods raise AcmeFailed."""

    async def prove(self, name: str, token: str, answer: str) -> None:
        """What is to be seen for a name; see ``acme_child.Said``."""

    async def ready(self) -> None:
        """Return once all that was proven can be seen."""


class AcmeFailed(Exception):
    """There is no certificate; the message says why, ``retry_after`` in seconds or 0."""

    def __init__(self, reason: str, retry_after: int = 0) -> None:
        super().__init__(reason)
        self.retry_after = retry_after


class Issued(msgspec.Struct, frozen=True):
    """A new certificate: the chain as PEM, and the URL of the account."""

    chain: str
    account: str


async def issue(order: Order, prover: Prover, *, seconds: float = SECONDS) -> Issued:
    """Order a certificate. Raises AcmeFailed."""
    account = order.account
    async with _Child(order, seconds) as child:
        while True:
            said = await child.hear()
            match said.kind:
                case "account":
                    account = said.value
                case "challenge":
                    await prover.prove(said.name, said.token, said.value)
                case "ready":
                    await prover.ready()
                    await child.go_on()
                case "certificate":
                    return Issued(said.value, account)
                case _:
                    raise AcmeFailed(f"the authority's child said {said.kind}")


async def renewal_time(order: Order, *, seconds: float = SECONDS) -> datetime | None:
    """When the authority wants ``order.present`` to be renewed; None when it does not tell."""
    async with _Child(order, seconds) as child:
        said = await child.hear()
    return datetime.fromisoformat(said.value) if said.kind == "renewal" and said.value else None


class _Child:
    """The process, from its start to its end."""

    def __init__(self, order: Order, seconds: float) -> None:
        self._order = order
        self._timeout = asyncio.timeout(seconds)
        self._seconds = seconds

    async def __aenter__(self) -> Self:
        self._process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "postroom.net.acme_child",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            limit=MAX_LINE,
        )  # fmt: skip
        self._input, self._output = _ends(self._process)
        await self._timeout.__aenter__()
        await self._tell(msgspec.json.encode(self._order))
        return self

    async def __aexit__(self, kind: object, error: object, traceback: object) -> None:
        try:
            await self._timeout.__aexit__(kind, error, traceback)  # type: ignore[arg-type]
        except TimeoutError:
            raise AcmeFailed(f"there was no certificate within {self._seconds:g} s") from None
        finally:
            if self._process.returncode is None:
                self._process.kill()
            await self._process.communicate()

    async def hear(self) -> Said:
        """Its next line; AcmeFailed when it says so, or ends without a word."""
        line = await self._output.readline()
        try:
            said = msgspec.json.decode(line, type=Said)
        except msgspec.DecodeError:
            raise AcmeFailed("the child process ended without an answer") from None
        if said.kind == "failed":
            raise AcmeFailed(said.value, said.retry_after)
        return said

    async def go_on(self) -> None:
        """The answers stand where they should."""
        await self._tell(b"")

    async def _tell(self, line: bytes) -> None:
        self._input.write(line + b"\n")
        await self._input.drain()


def _ends(
    process: asyncio.subprocess.Process,
) -> tuple[asyncio.StreamWriter, asyncio.StreamReader]:
    """The pipes of a process that was started with both."""
    if process.stdin is None or process.stdout is None:
        raise AcmeFailed("the child process has no pipes")
    return process.stdin, process.stdout
