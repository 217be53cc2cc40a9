"""Commands on their way to a server, and the answers that are due to them.

With PIPELINING a command leaves at once (RFC 2920 §3.1); without it, when all before it are
answered. Answers come in the order of the commands.
"""

from collections import deque

from postroom.protocol.smtp.client_states import Wait


class Outbox:
    """``is_pipelining`` may change whenever nothing is due."""

    __slots__ = ("_output", "_unsaid", "due", "is_pipelining")

    def __init__(self, first: Wait) -> None:
        """``first`` comes unasked: the greeting."""
        self._output: list[bytes] = []
        self._unsaid: deque[tuple[bytes, Wait]] = deque()
        self.due: deque[Wait] = deque([first])
        self.is_pipelining = False

    @property
    def has_unsaid(self) -> bool:
        """Some commands wait for the answer to the one before."""
        return bool(self._unsaid)

    def say(self, octets: bytes, wait: Wait) -> None:
        """A command, now or when its turn has come."""
        if self.due and not self.is_pipelining:
            self._unsaid.append((octets, wait))
        else:
            self._output.append(octets)
            self.due.append(wait)

    def say_next(self) -> None:
        """An answer has come: the next command leaves when no other is due."""
        if self._unsaid and not self.due:
            octets, wait = self._unsaid.popleft()
            self._output.append(octets)
            self.due.append(wait)

    def drop_unsaid(self) -> None:
        """What has not left is not said."""
        self._unsaid.clear()

    def write(self, octets: bytes) -> None:
        """Octets that no answer is due to."""
        self._output.append(octets)

    def expect(self, wait: Wait, count: int = 1) -> None:
        """So many answers are due to what was written."""
        self.due.extend([wait] * count)

    def take(self) -> bytes:
        """Everything to be written now."""
        output = self._output
        if not output:
            return b""
        octets = output[0] if len(output) == 1 else b"".join(output)
        output.clear()
        return octets

    def clear(self) -> None:
        """Nothing more is said, nothing more is due."""
        self._output.clear()
        self._unsaid.clear()
        self.due.clear()
