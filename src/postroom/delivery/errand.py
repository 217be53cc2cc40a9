"""A message and those of its recipients that go the same way."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from postroom.delivery.content import Loaded
from postroom.delivery.tls_policy import Need
from postroom.message import headers
from postroom.queue.claimed import Recipient
from postroom.queue.rows import Queued


@dataclass(slots=True)
class Errand:
    """``recipients`` may be of several destinations whose mail goes to the same servers."""

    loaded: Loaded
    recipients: list[Recipient]

    @property
    def letter(self) -> Queued:
        """The message's envelope."""
        return self.loaded.claimed.letter

    @property
    def need(self) -> Need:
        """What it asks of TLS (RFC 8689 §5; threat A15).

        Of TLS-Required only what somebody has submitted here counts, one field, and not beside
        REQUIRETLS: a field that a stranger has written would switch off the recipient's policy.
        """
        letter = self.letter
        if letter.requiretls:
            return "proof"
        if letter.account_id is None or b"tls-required" not in self.loaded.head.lower():
            return "policy"
        values = headers.values(self.loaded.head, b"tls-required")
        return "none" if [one.strip().lower() for one in values] == [b"no"] else "policy"


def errands(many: Iterable[Errand], most: int) -> Iterator[Errand]:
    """The same errands with at most ``most`` recipients each."""
    for one in many:
        if len(one.recipients) <= most:
            yield one
            continue
        for at in range(0, len(one.recipients), most):
            yield Errand(one.loaded, one.recipients[at : at + most])
