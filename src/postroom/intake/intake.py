"""The desk behind the SMTP and LMTP doors: one conversation a session."""

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
