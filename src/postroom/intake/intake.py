"""The desk behind the SMTP and LMTP doors: one conversation a session."""

from postroom.intake import rehearsing
from postroom.intake.conversation import Conversation
from postroom.intake.peer import Peer
from postroom.intake.services import Services


class Intake:
    """What a door asks for each connection, and again after STARTTLS."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def open(self, peer: Peer) -> Conversation:
        """A conversation with this peer; close it with ``Conversation.close``."""
        return Conversation(self._services, peer)

    def unwelcome(self, peer: Peer) -> str:
        """Why a stranger would not be greeted at all (a ban), or ""; counts nobody."""
        gate = self._services.gate
        if gate is None or peer.is_submission:
            return ""
        return gate.knock(peer.address, is_counted=False)

    def rehearse(self, peer: Peer) -> Conversation:
        """One of which nothing stays."""
        services = self._services
        post = rehearsing.NoPost(
            services.store.db, services.blobs, services.store.notify, services.clock
        )
        return rehearsing.conversation(services, post, peer)
