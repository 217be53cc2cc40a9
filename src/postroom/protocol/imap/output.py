"""What a session has to say: pieces of octets that wait to be sent, and how many they are."""

from collections.abc import Iterable


class Output:
    """Pieces in their order."""

    __slots__ = ("_pieces", "size")

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self.size = 0  # octets that wait

    def append(self, piece: bytes) -> None:
        """Another piece."""
        self._pieces.append(piece)
        self.size += len(piece)

    def extend(self, pieces: Iterable[bytes]) -> None:
        """Several pieces."""
        before = len(self._pieces)
        self._pieces += pieces
        self.size += sum(map(len, self._pieces[before:]))

    def take(self) -> bytes:
        """All of them; nothing waits afterwards."""
        octets = b"".join(self._pieces)
        self._pieces.clear()
        self.size = 0
        return octets
