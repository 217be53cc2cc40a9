"""What a script wants done: values, nothing here does any of it.

``head`` of an action is the header block as editheader left it at that moment (RFC 5293 §6);
None when the letter goes as it came.
"""

import msgspec

Flags = tuple[str, ...]


class Keep(msgspec.Struct, frozen=True, kw_only=True):
    """Into the inbox (RFC 5228 §4.3).

    ``is_implicit``: the script never said so, so a verdict of others (Junk) may decide
    otherwise.
    """

    flags: Flags = ()
    is_implicit: bool = False
    head: bytes | None = None


class FileInto(msgspec.Struct, frozen=True, kw_only=True):
    r"""Into a mailbox (RFC 5228 §4.1); ``copy``: the implicit keep stays (RFC 3894).

    ``create`` the mailbox when it is absent (RFC 5490 §3.2), else it is as if it were a keep.
    A mailbox with the attribute ``special_use`` (``\Junk``) or with the id ``mailbox_id``
    goes before the name (RFC 8579 §4, RFC 9042 §4).
    """

    mailbox: str
    flags: Flags = ()
    create: bool = False
    copy: bool = False
    special_use: str | None = None
    mailbox_id: str | None = None
    head: bytes | None = None


class Redirect(msgspec.Struct, frozen=True, kw_only=True):
    """To another address, in canonical form (RFC 5228 §4.2)."""

    address: str
    copy: bool = False
    head: bytes | None = None


class Discard(msgspec.Struct, frozen=True):
    """Nothing is kept unless another action does (RFC 5228 §4.4)."""


class Reject(msgspec.Struct, frozen=True):
    """Refuse the letter (RFC 5429); ``is_ereject``: in the protocol rather than by a letter."""

    reason: str
    is_ereject: bool = False


class Vacation(msgspec.Struct, frozen=True, kw_only=True):
    """Answer the sender (RFC 5230), once in ``seconds`` (0: each time) for each ``key``.

    ``key`` tells this answer from others of the same owner. ``addresses`` are further ones of
    the owner. ``reason`` is text, or with ``is_mime`` a MIME entity. Whether an answer
    may go out at all is for ``vacation.objection`` to say.
    """

    key: str
    seconds: int
    reason: str
    subject: str | None = None
    from_: str | None = None
    addresses: tuple[str, ...] = ()
    is_mime: bool = False
    fcc: FileInto | None = None


class Notify(msgspec.Struct, frozen=True, kw_only=True):
    """Send a notice by mail (RFC 5435, RFC 5436): ``to`` are canonical addresses.

    ``fields`` are further header fields that the URI asks for, ``importance`` is 1 (high) to
    3 (low).
    """

    to: tuple[str, ...]
    cc: tuple[str, ...] = ()
    subject: str
    body: str
    from_: str | None = None
    importance: int = 2
    fields: tuple[tuple[str, str], ...] = ()
    fcc: FileInto | None = None


Action = Keep | FileInto | Redirect | Discard | Reject | Vacation | Notify


class Remember(msgspec.Struct, frozen=True):
    """Store that ``key`` was seen, for ``seconds`` from now on, also when it was (RFC 7352)."""

    key: str
    seconds: int


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What a run came to.

    ``actions`` in the order of the script; what keeps the letter by default stands among them
    as a Keep with ``is_implicit``. With an ``error`` (a line for the owner of the script)
    that is the only one, on the letter as it came, and nothing is remembered.

    ``remember`` is to be stored when the actions succeeded. ``is_partial``: a test looked at a
    body of which only the beginning was there. ``steps`` is what it cost.
    """

    actions: tuple[Action, ...]
    remember: tuple[Remember, ...] = ()
    error: str | None = None
    is_partial: bool = False
    steps: int = 0
