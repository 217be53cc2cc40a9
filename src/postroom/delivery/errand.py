"""A message and those of its recipients that go the same way."""

from collections.abc import Iterable, Iterator, Sequence
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


def errands(many: Iterable[Errand], most: int, domains: int | None = None) -> Iterator[Errand]:
    """The same errands with at most ``most`` recipients each.

    ``domains``: of so many domains at most (RFC 9422 §4.3), those of one domain together.
    """
    for one in many:
        if domains is not None:
            for some in _of_domains(one.recipients, most, domains):
                yield Errand(one.loaded, some)
            continue
        if len(one.recipients) <= most:
            yield one
            continue
        for at in range(0, len(one.recipients), most):
            yield Errand(one.loaded, one.recipients[at : at + most])


def _of_domains(
    recipients: Sequence[Recipient], most: int, domains: int
) -> Iterator[list[Recipient]]:
    """Portions of so many recipients, and so many domains."""
    some: list[Recipient] = []
    among: set[bytes] = set()
    for one in sorted(recipients, key=_domain):
        among.add(_domain(one))
        if len(some) == most or len(among) > domains:
            yield some
            some, among = [], {_domain(one)}
        some.append(one)
    if some:
        yield some


def _domain(one: Recipient) -> bytes:
    return one.address.rpartition(b"@")[2].lower()
