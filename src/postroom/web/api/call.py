"""One request of a program: who asks, and what it may work with."""

from dataclasses import dataclass

from postroom.access.login import Login
from postroom.admin.office import Office
from postroom.directory.api_tokens import ApiToken
from postroom.intake.intake import Intake
from postroom.intake.peer import Peer
from postroom.net.dns import Resolver
from postroom.web.api.problem import Problem


@dataclass(frozen=True, slots=True)
class Services:
    """What the operations work with."""

    office: Office
    resolver: Resolver
    login: Login
    intake: Intake


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
