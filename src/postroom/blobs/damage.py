"""The error for bytes that are not what was stored."""

from postroom.db.ids import to_text
from postroom.errors import StorageFailed
from postroom.telemetry import sink
from postroom.telemetry.events import StorageTrouble


class BlobCorrupt(StorageFailed):
    """Stored bytes are missing, too short, or fail their checksum. Never served."""


def damaged(ident: int, reason: str) -> BlobCorrupt:
    """Tell the operator; what to raise."""
    sink.emit(StorageTrouble(where=f"blob {to_text(ident)}", reason=reason))
    return BlobCorrupt(detail=f"blob {to_text(ident)}: {reason}")
