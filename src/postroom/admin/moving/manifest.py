"""What an export writes beside the mail: names, special uses, subscriptions, exactly.

Folder names of Maildir and file systems can't say everything that a mailbox name can. Other
programs ignore the file ``postroom-export.json``.
"""

from pathlib import Path
from typing import Final

import msgspec

from postroom.errors import Refused

NAME: Final = "postroom-export.json"
MAX_OCTETS: Final = 16 << 20


class Exported(msgspec.Struct, frozen=True):
    """A mailbox; ``place`` is the path of its folder or file below the export."""

    name: str
    place: str
    special_use: str = ""
    subscribed: bool = True


class Manifest(msgspec.Struct, frozen=True):
    """The mailboxes of an export."""

    account: str
    format: str
    mailboxes: list[Exported]
    version: int = 1


def write(folder: Path, manifest: Manifest) -> None:
    """Write it; the folder is ours alone."""
    octets = msgspec.json.format(msgspec.json.encode(manifest), indent=1)
    (folder / NAME).write_bytes(octets + b"\n")


def read(folder: Path) -> dict[str, Exported]:
    """By place; nothing where there is no manifest. Raises Refused for one that is damaged."""
    path = folder / NAME
    if not path.is_file():
        return {}
    try:
        with path.open("rb") as stream:
            found = msgspec.json.decode(stream.read(MAX_OCTETS), type=Manifest)
    except msgspec.DecodeError as error:
        raise Refused(
            f"{path} is damaged ({error}); remove it, then folders get the names of their files"
        ) from None
    return {one.place: one for one in found.mailboxes}
