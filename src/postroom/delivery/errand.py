"""A message and those of its recipients that go the same way."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from postroom.delivery.content import Loaded
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


def errands(many: Iterable[Errand], most: int) -> Iterator[Errand]:
    """The same errands with at most ``most`` recipients each."""
    for one in many:
        if len(one.recipients) <= most:
            yield one
            continue
        for at in range(0, len(one.recipients), most):
            yield Errand(one.loaded, one.recipients[at : at + most])
