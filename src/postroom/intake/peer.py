"""Who is at the door, as far as the connection tells."""

from typing import Final

import msgspec

FETCHED: Final = frozenset({"fetch-imap", "fetch-pop3"})
SUBMISSION: Final = frozenset({"submission", "submissions"})


class Peer(msgspec.Struct, frozen=True):
    """The other end of a connection, and what its network may do.

    ``tls``: version and cipher, "" without. ``trusted`` may use VRFY, EXPN and VERB
    (``trusted`` of the configuration), ``relay`` may send anywhere without a password
    (``relay_from`` of the listener); no network may by default, not even loopback.
    ``checks`` False: an inner network whose mail is not examined.
    """

    session: str
    address: str
    port: int
    door: str
    tls: str = ""
    trusted: bool = False
    relay: bool = False
    checks: bool = True

    @property
    def is_lmtp(self) -> bool:
        """True at the LMTP door: one reply a recipient at the end of data (RFC 2033)."""
        return self.door == "lmtp"

    @property
    def is_fetched(self) -> bool:
        """True for mail that was brought from an account elsewhere (``admin.fetcher``)."""
        return self.door in FETCHED

    @property
    def origin(self) -> str:
        """The address that mail comes from, as far as this tells anything of it; else "".

        Over LMTP, and from accounts elsewhere, it was another server that took it from others.
        """
        return "" if self.is_lmtp or self.is_fetched else self.address

    @property
    def is_submission(self) -> bool:
        """True at a submission door (RFC 6409): only who has logged in sends here."""
        return self.door in SUBMISSION
