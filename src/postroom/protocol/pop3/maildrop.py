"""The maildrop as a session sees it: a snapshot with marks of deletion (RFC 1939 §5)."""

from collections.abc import Iterator, Sequence


class NoSuchMessage(Exception):
    """The number names no message, or a deleted one; the text is for the peer."""


class Snapshot:
    """Messages are numbered from 1. ``sizes`` are octets, ``idents`` the unique-ids of UIDL."""

    __slots__ = ("_deleted", "_deleted_octets", "_idents", "_octets", "_sizes")

    def __init__(self, sizes: Sequence[int], idents: Sequence[str]) -> None:
        self._sizes = sizes
        self._idents = idents
        self._octets = sum(sizes)
        self._deleted: set[int] = set()
        self._deleted_octets = 0

    @property
    def count(self) -> int:
        """Messages that are not marked."""
        return len(self._sizes) - len(self._deleted)

    @property
    def octets(self) -> int:
        """What they weigh."""
        return self._octets - self._deleted_octets

    @property
    def deleted(self) -> list[int]:
        """The indexes (from 0) of the marked messages, in order."""
        return sorted(self._deleted)

    def index(self, number: int) -> int:
        """The index of a message number; raises NoSuchMessage."""
        if not 1 <= number <= len(self._sizes):
            raise NoSuchMessage(f"There is no message {number}, there are {len(self._sizes)}")
        if number - 1 in self._deleted:
            raise NoSuchMessage(f"Message {number} is deleted; RSET brings it back")
        return number - 1

    def mark(self, number: int) -> None:
        """Mark for deletion."""
        index = self.index(number)
        self._deleted.add(index)
        self._deleted_octets += self._sizes[index]

    def unmark(self) -> None:
        """Take all marks back."""
        self._deleted.clear()
        self._deleted_octets = 0

    def line(self, verb: str, number: int) -> str:
        """The scan listing (LIST) or unique-id listing (UIDL) of one message."""
        index = self.index(number)
        return f"{number} {self._idents[index] if verb == 'UIDL' else self._sizes[index]}"

    def lines(self, verb: str) -> Iterator[bytes]:
        """The listing of all that are not marked, a line each."""
        values: Sequence[object] = self._idents if verb == "UIDL" else self._sizes
        for index, value in enumerate(values):
            if index not in self._deleted:
                yield f"{index + 1} {value}\r\n".encode("ascii")
