"""What an examination finds: each fault with its reason and the next action."""

from typing import Literal

import msgspec

from postroom.admin.watch.health import Health

Level = Literal["warning", "error"]


class Finding(msgspec.Struct, frozen=True):
    """Something is wrong. ``check`` is what was looked at, ``subject`` which of it.

    An error loses mail, or will; a warning wants attention. ``is_mended``: it was, just now.
    """

    check: str
    level: Level
    subject: str
    reason: str
    action: str = ""
    is_mended: bool = False


class Report(msgspec.Struct, frozen=True):
    """All of an examination. ``checks`` were made, in that order."""

    checks: list[str]
    findings: list[Finding]
    health: Health | None = None
    """As ``postroom status`` judges it; None where the database can't be opened."""

    @property
    def is_well(self) -> bool:
        """Whether no error is left."""
        return not any(one.level == "error" and not one.is_mended for one in self.findings)


def mended(finding: Finding) -> Finding:
    """The same, after it was mended."""
    return msgspec.structs.replace(finding, is_mended=True)
