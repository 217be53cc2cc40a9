"""The settings about who is told what was kept from their inbox."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

Often = Literal["never", "daily", "weekly"]
Domains = Annotated[tuple[str, ...], Meta(max_length=1_000)]


class Digest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A letter of what was refused for somebody and what came into their Junk."""

    usual: Annotated[
        Often,
        Meta(
            description="How often people get it who have not chosen that themselves (under "
            '"Senders and masks", or by `postroom rejects digest`). None where there is nothing to tell.'
        ),
    ] = "never"
    daily: Annotated[
        Domains,
        Meta(
            description="Domains whose people get it every day instead, by the domain of their main "
            "address."
        ),
    ] = ()
    weekly: Annotated[Domains, Meta(description="Those whose people get it every week.")] = ()
    never: Annotated[Domains, Meta(description="Those whose people do not get it.")] = ()

    @property
    def places(self) -> tuple[tuple[str, Often], ...]:
        """The single domains, and how often in each; of one that stands twice the first counts."""
        return (
            *((name, "daily") for name in self.daily),
            *((name, "weekly") for name in self.weekly),
            *((name, "never") for name in self.never),
        )
