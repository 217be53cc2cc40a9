"""What acceptance would say of a client, and other programs of its message.

The client is judged as at the door, by the same code: what it calls itself, its name, the lists
in the DNS of the settings. Only a real connection shows whether it speaks too early, and only the
running server counts and bans; of those nothing is said here. The recipient is one that the client
never wrote to, so greylisting is that of a first contact. Nothing is remembered of it.
"""

import time
from collections.abc import Iterator
from typing import Final

import msgspec

from postroom.address import Address, AddressError
from postroom.admin.office import Office
from postroom.config.filters import Filter
from postroom.intake.gate import Gate, Memory, Visit
from postroom.intake.peer import SUBMISSION, Peer
from postroom.policy.asking import Asked, Names
from postroom.policy.bans import Bans
from postroom.policy.blocklists import Blocklist
from postroom.policy.facts import Facts
from postroom.policy.filters import external
from postroom.policy.greylist import Greylist
from postroom.policy.origin import Client
from postroom.policy.rates import Counters
from postroom.policy.suspicion import NONE, Suspicion

_NEW: Final = "somebody-new"


class Reception(msgspec.Struct, frozen=True):
    """What speaks against a client, or for it; ``reply`` is the refusal at RCPT, "" without."""

    suspicion: Suspicion = NONE
    reply: str = ""
    asked: tuple[Asked, ...] = ()


class Opinion(msgspec.Struct, frozen=True):
    """What one filter of the settings says of a message, and how many seconds it took.

    ``action`` is "" of one that was not asked; ``reason`` says why.
    """

    filter: str
    action: str
    reason: str
    score: float
    seconds: float


async def received(office: Office, names: Names, client: Client) -> Reception:
    """As a stranger at a listener with ``checks = "full"``."""
    config = office.config
    gate = Gate(
        config.connections,
        hostname=config.hostname,
        names=names,
        blocklists=tuple(map(Blocklist, config.dnsbl)),
        memory=Memory(
            office.db,
            Counters(config.rates),
            Bans(),
            Greylist(60_000 * config.connections.greylist_minutes),
        ),
        clock=office.clock,
    )
    visit = Visit(gate, Peer("", client.address, 0, "smtp"))
    try:
        if client.helo:
            visit.greet(client.helo)
        visit.mail(_address(client.sender))
        recipient = Address.parse(f"{_NEW}@{config.hostname}")
        refusal = await visit.rcpt(client.sender, recipient, str(recipient))
        suspicion = await visit.suspicion()
    finally:
        visit.close()
    reply = "" if refusal is None else f"{refusal[0].code} {refusal[0].status} {refusal[1]}"
    return Reception(suspicion, reply, tuple(visit.questions))


def _address(sender: str) -> Address | None:
    """Of a file anything may stand there; what is no address has no domain to look up."""
    try:
        return Address.parse(sender) if sender else None
    except AddressError:
        return None


async def opinions(office: Office, facts: Facts, door: str) -> list[Opinion]:
    """Of the filters that see what comes in by this door, one after the other, as they stand."""
    is_outgoing = door in SUBMISSION
    told = []
    for one in _shown(office, is_outgoing=is_outgoing):
        stages = external.stages([one], office.config.hostname, is_outgoing=is_outgoing)
        if not stages:
            reason = "not asked: a milter hears of whole sessions, not of single messages"
            told.append(Opinion(one.called, "", reason, 0.0, 0.0))
            continue
        began = time.monotonic()
        verdict = await stages[0].judge(facts)
        seconds = round(time.monotonic() - began, 3)
        told.append(Opinion(one.called, verdict.action, verdict.reason, verdict.score, seconds))
    return told


def _shown(office: Office, *, is_outgoing: bool) -> Iterator[Filter]:
    other = "incoming" if is_outgoing else "outgoing"
    return (one for one in office.config.filter if one.sees != other)
