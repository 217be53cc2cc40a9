"""TLS as a client of other mail servers: contexts, session reuse, what was agreed.

Two kinds of context: one that checks the certificate and its name against the authorities,
one that takes any certificate (encryption without authentication; for opportunistic TLS,
where a failure would mean to send in clear, and for DANE, which checks the chain itself).
Sessions are kept by server, so that a connection soon after another costs no full handshake.
In a resumed session the server sends no certificates: those that it sent in the first one are
kept with it, so that DANE can hold them against the records of today.
TLS 1.2 and newer, no compression (RFC 8996, RFC 9325 §3). RFC 3207, RFC 7435, RFC 5077.
"""

import ssl
from collections import OrderedDict
from collections.abc import Sequence
from typing import Final, NamedTuple

MOST_SESSIONS: Final = 1_000
MOST_OCTETS: Final = 16_384  # of certificates that are kept with a session; usual are 5,000

Key = tuple[str, bool]  # name of the server, whether its certificate is checked


class Kept(NamedTuple):
    """A session that can be resumed, and the certificates of its server (DER)."""

    session: ssl.SSLSession
    chain: tuple[bytes, ...]


class _Object(ssl.SSLObject):
    """TLS on one connection; ``offered``: the certificates of the session it may resume."""

    offered: tuple[bytes, ...] = ()


class _Context(ssl.SSLContext):
    """Offers the session that was kept for a server; asyncio has no argument for it."""

    sessions: "OrderedDict[Key, Kept]"
    sslobject_class = _Object

    def wrap_bio(
        self,
        incoming: ssl.MemoryBIO,
        outgoing: ssl.MemoryBIO,
        server_side: bool = False,
        server_hostname: str | bytes | None = None,
        session: ssl.SSLSession | None = None,
    ) -> ssl.SSLObject:
        kept = None
        if session is None and not server_side and isinstance(server_hostname, str):
            kept = self.sessions.get((server_hostname, self.check_hostname))
        if kept is not None:
            session = kept.session
        made = super().wrap_bio(incoming, outgoing, server_side, server_hostname, session)
        if kept is not None and isinstance(made, _Object):
            made.offered = kept.chain
        return made


class ClientTls:
    """The contexts of one process. ``ca_file``: PEM of authorities; default the system's."""

    def __init__(self, ca_file: str | None = None) -> None:
        """Raises OSError (ssl.SSLError too) for a file that can't be read."""
        self._sessions: OrderedDict[Key, Kept] = OrderedDict()
        self._checking = self._new()
        if ca_file is None:
            self._checking.load_default_certs(ssl.Purpose.SERVER_AUTH)
        else:
            self._checking.load_verify_locations(ca_file)
        self._taking_any = self._new()
        self._taking_any.check_hostname = False
        self._taking_any.verify_mode = ssl.CERT_NONE

    def context(self, *, is_checked: bool) -> ssl.SSLContext:
        """The context for a handshake in which the certificate is checked, or taken as it is."""
        return self._checking if is_checked else self._taking_any

    def remember(self, name: str, tls: ssl.SSLObject | None, *, is_checked: bool) -> None:
        """Keep the session of a connection that ends (tickets of TLS 1.3 come late)."""
        session = tls.session if tls is not None else None
        certificates = tuple(chain(tls)) if session is not None else ()
        if session is None or sum(map(len, certificates)) > MOST_OCTETS:
            return
        key = (name, is_checked)
        self._sessions[key] = Kept(session, certificates)
        self._sessions.move_to_end(key)
        if len(self._sessions) > MOST_SESSIONS:
            self._sessions.popitem(last=False)

    def forget(self, name: str) -> None:
        """A handshake with this server failed: begin anew next time."""
        for is_checked in (False, True):
            self._sessions.pop((name, is_checked), None)

    def _new(self) -> _Context:
        context = _Context(ssl.PROTOCOL_TLS_CLIENT)
        context.sessions = self._sessions
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.options |= ssl.OP_NO_COMPRESSION
        return context


def described(tls: ssl.SSLObject | None) -> str:
    """Version and cipher, such as ``TLSv1.3 TLS_AES_256_GCM_SHA384``; "" without TLS."""
    if tls is None:
        return ""
    cipher = tls.cipher()
    return f"{tls.version()} {cipher[0]}" if cipher else str(tls.version())


def chain(tls: ssl.SSLObject | None) -> Sequence[bytes]:
    """The certificates that the server sent, DER, its own first; none without TLS.

    Before Python 3.13 the interpreter has this on an inner object only.
    """
    if tls is None:
        return ()
    if isinstance(tls, _Object) and tls.session_reused:
        return tls.offered
    inner: object = getattr(tls, "_sslobj", tls)
    ask = getattr(inner, "get_unverified_chain", None)
    found = ask() if ask is not None else None
    if found is None:
        own = tls.getpeercert(binary_form=True)
        return (own,) if own else ()
    return [
        one if isinstance(one, bytes) else ssl.PEM_cert_to_DER_cert(one.public_bytes())
        for one in found
    ]
