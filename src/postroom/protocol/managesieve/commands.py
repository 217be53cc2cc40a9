"""ManageSieve commands as values (RFC 5804 §2). Strings are decoded; scripts stay octets."""

import msgspec


class Plain(msgspec.Struct, frozen=True):
    """A command without arguments: CAPABILITY, LISTSCRIPTS, LOGOUT, STARTTLS, UNAUTHENTICATE."""

    verb: str


class Noop(msgspec.Struct, frozen=True):
    """RFC 5804 §2.13: the answer repeats the tag."""

    tag: bytes | None


class Authenticate(msgspec.Struct, frozen=True):
    """RFC 5804 §2.1: ``initial`` is decoded; None when the client sent none."""

    mechanism: str
    initial: bytes | None

    def __repr__(self) -> str:
        """Without the response."""
        return f"Authenticate({self.mechanism!r})"


class HaveSpace(msgspec.Struct, frozen=True):
    """RFC 5804 §2.5: whether a script of this name may have so many octets."""

    name: str
    size: int


class PutScript(msgspec.Struct, frozen=True):
    """RFC 5804 §2.6; ``content`` is None when it was larger than any script may be."""

    name: str
    content: bytes | None
    size: int


class CheckScript(msgspec.Struct, frozen=True):
    """RFC 5804 §2.12: as PUTSCRIPT, and nothing is stored."""

    content: bytes | None
    size: int


class SetActive(msgspec.Struct, frozen=True):
    """RFC 5804 §2.8: ``name`` is "" when no script is to run."""

    name: str


class GetScript(msgspec.Struct, frozen=True):
    """RFC 5804 §2.9."""

    name: str


class DeleteScript(msgspec.Struct, frozen=True):
    """RFC 5804 §2.10."""

    name: str


class RenameScript(msgspec.Struct, frozen=True):
    """RFC 5804 §2.11."""

    old: str
    new: str


Command = (
    Plain
    | Noop
    | Authenticate
    | HaveSpace
    | PutScript
    | CheckScript
    | SetActive
    | GetScript
    | DeleteScript
    | RenameScript
)
