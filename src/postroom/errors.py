"""The errors that cross package borders.

    Exception
    ├── MailError                 a letter or command is refused; carries the SMTP reply
    │   ├── Temporary             4yz: trying again may help
    │   │   ├── StorageFailed     a write failed, nothing of it is left
    │   │   │   └── OutcomeUnknown    it may appear later: say nothing, cut the connection
    │   │   ├── StorageFull       the disk is below its reserve
    │   │   └── MailboxFull       the account is over its quota
    │   └── Permanent             5yz: trying again will not help
    └── Refused                   what a person asked for can't be done
        ├── NotFound              there is no such thing
        ├── NotAllowed            it is there, and the person may not do that with it
        ├── AlreadyExists         the name is taken
        ├── Invalid               the value given makes no sense
        └── ConfigurationError    a setting is unknown or bad

``MailError.text`` is for the peer; ``detail`` is for the log only.
"""

from typing import ClassVar


class MailError(Exception):
    """A refusal: may it be tried again, and what do we tell the peer.

    ``code`` is an RFC 5321 §4.2 reply code, ``status`` an RFC 3463 enhanced status.
    """

    code: int = 451
    status: str = "4.3.0"
    text: str = "Local error, please try again"

    def __init__(
        self,
        text: str | None = None,
        *,
        code: int | None = None,
        status: str | None = None,
        detail: str = "",
    ) -> None:
        """``text``, ``code`` and ``status`` override those of the class."""
        if text is not None:
            self.text = text
        if code is not None:
            self.code = code
        if status is not None:
            self.status = status
        self.detail = detail
        super().__init__(
            f"{self.code} {self.status} {self.text}" + (f" ({detail})" if detail else "")
        )


class Temporary(MailError):
    """The peer keeps the letter and may try again (RFC 5321 §4.2.1, 4yz)."""


class StorageFailed(Temporary):
    """A write failed; nothing may be promised."""


class OutcomeUnknown(StorageFailed):
    """The disk died in a commit: what was to be written may yet be there after a restart.

    Neither 250 nor 451 would be true (RFC 5321 §4.2.5: after a 4yz the message must never
    be delivered), so the peer gets no answer at all and tries again.
    """


class StorageFull(Temporary):
    """The disk is full or below its reserve (RFC 3463 X.3.1)."""

    code = 452
    status = "4.3.1"
    text = "Insufficient system storage, please try again later"


class MailboxFull(Temporary):
    """The account is over its quota: the sender should try again (RFC 3463 X.2.2)."""

    code = 452
    status = "4.2.2"
    text = "Mailbox full"


class Permanent(MailError):
    """Trying again will not help (RFC 5321 §4.2.1, 5yz)."""

    code = 554
    status = "5.0.0"
    text = "Transaction failed"


class Refused(Exception):
    """A person asked for something that can't be done.

    The message names the thing, the reason and the next action, in one line.
    """

    kind: ClassVar[str] = "refused"


class NotFound(Refused):
    """There is no such domain, account, alias, folder or message."""

    kind = "not-found"


class NotAllowed(Refused):
    """The thing is there, and this person may not do that with it."""

    kind = "not-allowed"


class AlreadyExists(Refused):
    """The name is taken."""

    kind = "already-exists"


class Invalid(Refused):
    """The value given makes no sense."""

    kind = "invalid"


class ConfigurationError(Refused):
    """A setting is unknown or bad; the message holds the setting's path."""

    kind = "configuration"
