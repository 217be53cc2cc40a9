"""Rights on a mailbox, a letter each (RFC 4314 §2.1). A set of them is a ``frozenset``."""

from typing import Final

from postroom.errors import Invalid
from postroom.store import flags

LOOKUP: Final = "l"  # the mailbox is seen in lists
READ: Final = "r"  # it can be selected and read
SEEN: Final = "s"  # \Seen can be changed
WRITE: Final = "w"  # all other flags but \Deleted
INSERT: Final = "i"  # APPEND and COPY into it
POST: Final = "p"  # on an INBOX: mail can be sent in its owner's name
CREATE: Final = "k"  # mailboxes can be made below it
REMOVE: Final = "x"  # it can be deleted or renamed
DELETE: Final = "t"  # \Deleted can be changed
EXPUNGE: Final = "e"
ADMINISTER: Final = "a"  # its rights can be changed

LETTERS: Final = "lrswipkxtea"  # in the order in which they are written
ALL: Final = frozenset(LETTERS)

# Any of these lets a person know that the mailbox is there (RFC 4314 §4, MYRIGHTS).
KNOWING: Final = frozenset("lrikxa")

# Without any of these a shared mailbox is READ-ONLY: \Seen is the person's own (§5.2).
CHANGING: Final = frozenset("iewt")

OBSOLETE: Final = {"c": frozenset("kx"), "d": frozenset("te")}  # of RFC 2086

# Words for what people share usually; ``admin.shares``.
WORDS: Final = {
    "read": frozenset("lrs"),
    "write": frozenset("lrswite"),
    "send": frozenset("lrswitep"),
    "full": ALL,
}

Rights = frozenset[str]


def written(rights: Rights) -> str:
    """The letters in their order."""
    return "".join(letter for letter in LETTERS if letter in rights)


def flag_mask(rights: Rights) -> int:
    """The system flags that may be changed, as bits; keywords go with ``WRITE``."""
    mask = flags.SEEN if SEEN in rights else 0
    if DELETE in rights:
        mask |= flags.DELETED
    if WRITE in rights:
        mask |= flags.ALL & ~(flags.SEEN | flags.DELETED)
    return mask


def with_obsolete(rights: Rights) -> str:
    """The letters, then the old ones of which they hold a part, for old clients (§2.1.1)."""
    old = "".join(letter for letter, parts in OBSOLETE.items() if parts & rights)
    return written(rights) + old


def parse(text: str) -> Rights:
    """Read letters; the old ``c`` and ``d`` stand for their parts (§2.1.1). Raises Invalid."""
    found: set[str] = set()
    for letter in text:
        if letter in ALL:
            found.add(letter)
        elif letter in OBSOLETE:
            found |= OBSOLETE[letter]
        else:
            raise Invalid(f"there is no right {letter!r}; the rights are {LETTERS}")
    return frozenset(found)
