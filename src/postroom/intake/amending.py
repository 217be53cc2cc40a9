"""A message and its envelope as milters change them, one after the other.

A change is made once a milter has had its last word, and all of what it wants or nothing: a
header block that gets too large, or a body, is a failure of that milter.
"""

from collections.abc import Sequence

import msgspec

from postroom.address import Address, AddressError
from postroom.intake import relay
from postroom.intake.arrival import Arrival
from postroom.intake.limits import MAX_COPIES
from postroom.intake.plan import Envelope
from postroom.intake.relay import Accepted
from postroom.intake.services import Services
from postroom.intake.wishes import Wishes
from postroom.message import trace
from postroom.message.amendment import Amendment, TooLarge
from postroom.policy.filters.milter import Ending, Message, Talk
from postroom.policy.filters.wire import Failed
from postroom.policy.verdict import Verdict
from postroom.protocol.milter.answers import (
    AddHeader,
    AddRecipient,
    Change,
    ChangeHeader,
    ChangeSender,
    InsertHeader,
    RemoveRecipient,
)
from postroom.protocol.smtp.commands import Rcpt
from postroom.protocol.smtp.replies import Reply


class Amending:
    """One message, and what is made of it by one milter after the other."""

    def __init__(
        self,
        services: Services,
        envelope: Envelope,
        arrival: Arrival,
        amendment: Amendment,
        told: Sequence[tuple[str, Accepted]],
    ) -> None:
        self.envelope = envelope
        self.notes: list[Verdict] = []
        self._services = services
        self._arrival = arrival
        self._amendment = amendment
        self._told = list(told)
        self._body_size = arrival.stored_size - len(arrival.head)
        self._is_changed = False
        self._other: Arrival | None = None

    async def shown(self, talk: Talk) -> Ending:
        """What one of them says; the next is shown what it has changed."""
        message = Message(
            fields=self._amendment.fields(),
            body=self._arrival.body,
            size=len(self._amendment.head()) + self._body_size,
            replace=lambda octets: self._replace(talk.settings.most, octets),
        )
        other = None
        try:
            ending = await talk.end(message)
            other, self._other = self._other, None
            if ending.verdict.action in ("refuse", "defer") or ending.is_discarded:
                return ending
            try:
                amendment = self._amended(ending.changes)
            except TooLarge:
                return talk.failed("it makes the header block too large")
            if ending.has_body and other is not None:
                await other.finish()
                if other.refusal is not None:
                    return talk.failed("it makes the message too large")
                self._body_size = other.stored_size - len(other.head)
                await self._arrival.take_body(other)
                self._is_changed = True
            self._is_changed = self._is_changed or amendment is not self._amendment
            self._amendment = amendment
            await self._envelope(talk.settings.called, ending)
            return ending
        finally:
            if other is not None:
                await other.abort()

    async def settle(self, *, is_new: bool) -> None:
        """The arrival is as it was changed; ``is_new``: it was shown another header block."""
        if self._is_changed or is_new:
            hostname, is_judged = self._services.hostname, self._arrival.is_judged
            head = self._amendment.head(
                lambda field: trace.strip_own(field, hostname, is_judged=is_judged)
            )
            await self._arrival.amend(head)

    async def _replace(self, most: int, octets: bytes) -> None:
        if self._other is None:
            self._other = self._arrival.another(most)
            await self._other.take(b"\r\n")
        if b"\0" in octets:
            raise Failed("it puts NUL into a message")
        await self._other.take(octets)
        if self._other.refusal is not None:
            raise Failed("it makes the message too large")

    def _amended(self, changes: Sequence[Change]) -> Amendment:
        """A header block with these changes. Raises TooLarge."""
        wanted = [o for o in changes if isinstance(o, AddHeader | InsertHeader | ChangeHeader)]
        if not wanted:
            return self._amendment
        amendment = self._amendment.copy()
        for one in wanted:
            match one:
                case AddHeader(name, value):
                    amendment.append(name, value)
                case InsertHeader(index, name, value):
                    amendment.insert(index, name, value)
                case ChangeHeader(index, name, value):
                    amendment.change(index, name, value)
        return amendment

    async def _envelope(self, called: str, ending: Ending) -> None:
        for one in ending.changes:
            problem: str | None = None
            match one:
                case ChangeSender(address, parameters):
                    problem = self._from(address, Wishes(called, "MAIL", parameters))
                case AddRecipient(address, parameters):
                    problem = await self._to(address, Wishes(called, "RCPT", parameters))
                case RemoveRecipient(address):
                    self._not_to(address)
                case _:
                    pass
            if problem is not None:
                stage = ending.verdict.stage
                self.notes.append(Verdict(stage=stage, reason=f"not done: {problem}"))

    def _from(self, address: str, wishes: Wishes) -> str | None:
        try:
            sender = Address.parse(address) if address else None
        except AddressError as error:
            return f"the sender {address!r}: {error}"
        mail = wishes.of_mail(msgspec.structs.replace(self.envelope.mail, sender=sender))
        sender_text = "" if sender is None else str(sender)
        self.envelope = msgspec.structs.replace(self.envelope, mail=mail, sender=sender_text)
        return None

    async def _to(self, address: str, wishes: Wishes) -> str | None:
        try:
            recipient = Address.parse(address)
        except AddressError as error:
            return f"the recipient {address!r}: {error}"
        resolution = await self._services.directory.resolve(recipient)
        found = relay.judge(recipient, resolution, may_relay=True)
        if isinstance(found, Reply):
            return f"the recipient {recipient}: {found.lines[0]}"
        wanted = wishes.of_rcpt(Rcpt(recipient))
        accepted = relay.accept(str(recipient), resolution, found, wanted.orcpt, wanted.notify)
        copies = sum([len(one.local) + len(one.remote) for one in self.envelope.accepted])
        if copies + len(accepted.local) + len(accepted.remote) > MAX_COPIES:
            return f"the recipient {recipient}: there are {copies} already"
        self._told.append((str(recipient), accepted))
        together = (*self.envelope.accepted, accepted)
        self.envelope = msgspec.structs.replace(self.envelope, accepted=together)
        return None

    def _not_to(self, address: str) -> None:
        gone = [one for told, one in self._told if told.casefold() == address.casefold()]
        left = [one for one in self.envelope.accepted if not any(one is other for other in gone)]
        self.envelope = msgspec.structs.replace(self.envelope, accepted=left)
