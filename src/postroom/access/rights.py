"""Rights on a mailbox, a letter each (RFC 4314 §2.1). A set of them is a ``frozenset``."""

from typing import Final

LOOKUP: Final = "l"  # the mailbox is seen in lists
READ: Final = "r"  # it can be selected and read
SEEN: Final = "s"  # \Seen can be changed
WRITE: Final = "w"  # all other flags but \Deleted
INSERT: Final = "i"  # APPEND and COPY into it
POST: Final = "p"  # mail can be sent to it; here: in its owner's name
CREATE: Final = "k"  # mailboxes can be made below it
REMOVE: Final = "x"  # it can be deleted or renamed
DELETE: Final = "t"  # \Deleted can be changed
EXPUNGE: Final = "e"
ADMINISTER: Final = "a"  # its rights can be changed

ALL: Final = frozenset("lrswipkxtea")
