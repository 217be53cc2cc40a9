"""One request of a program: who asks, and what it may work with."""

import asyncio
from dataclasses import dataclass, field
from typing import Final

from postroom.access.login import Login
from postroom.admin.office import Office
from postroom.directory.api_tokens import ApiToken
from postroom.intake.intake import Intake
from postroom.intake.peer import Peer
from postroom.net.dns import Resolver
from postroom.web.api.problem import Problem

BODIES: Final = 8


@dataclass(frozen=True, slots=True)
class Services:
    """What the operations work with. ``room`` bounds how many bodies are in memory at once."""

    office: Office
    resolver: Resolver
    login: Login
    intake: Intake
    room: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(BODIES))


@dataclass(frozen=True, slots=True)
class Call:
    """A request whose token was known."""

    services: Services
    token: ApiToken
    peer: Peer

    @property
    def office(self) -> Office:
        """What ``admin`` works on."""
        return self.services.office

    @property
    def within(self) -> str | None:
        """The domain that lists are limited to (an A-label), if any."""
        if self.token.account_id is not None:
            raise beyond(self.token, "this is a list of a domain")
        return self.token.domain

    def require(self, scope: str) -> None:
        """Raises Problem unless the token is for this."""
        if not self.token.allows(scope):
            raise Problem(
                403,
                "scope",
                "The token is not for that",
                f"the token {self.token.name} lacks the scope {scope};"
                f" make one with it: postroom token add NAME --scope {scope}",
            )


def beyond(token: ApiToken, reason: str) -> Problem:
    """The refusal of what is outside of a token's limit."""
    limit = token.domain or token.account
    return Problem(
        403,
        "limit",
        "The token does not reach that",
        f"the token {token.name} is limited to {limit}, and {reason}",
    )
