"""What another implementation of DKIM says."""

from collections.abc import Sequence

import dkim  # type: ignore[import-untyped]

from postroom.directory.dkim_keys import DkimKey


def agrees(octets: bytes, published: Sequence[DkimKey]) -> list[bool]:
    """For each of the keys: whether the signature at its place holds (dkimpy)."""
    records = {f"{key.record_name}.".encode(): key.record.encode() for key in published}

    def answer(name: bytes | str, timeout: int = 5) -> bytes | None:
        return records.get(name if isinstance(name, bytes) else name.encode())

    def holds(place: int) -> bool:
        try:
            return bool(dkim.DKIM(octets).verify(idx=place, dnsfunc=answer))
        except (dkim.ValidationError, IndexError):
            return False

    return [holds(place) for place in range(len(published))]
