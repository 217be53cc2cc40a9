"""TLS for servers on loopback, connections to them, and parcels."""

import ssl
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import msgspec

from postroom.delivery.parcel import Parcel
from postroom.delivery.peer import Peer
from postroom.delivery.wire import Limits
from postroom.net.outbound import connect
from postroom.net.tls_client import ClientTls
from postroom.protocol.smtp.client_states import Wait
from postroom.protocol.smtp.client_transaction import Recipient, Transaction, TransactionDone
from rig.smtp import Act, Answer, SmtpServer
from tests import certificates
from tests.certificates import AUTHORITY
from tests.delivery.station import OCTETS, PATIENT

UNREAD = msgspec.structs.replace(PATIENT, block=0.05)  # for a server that stops reading
SILENCES = {
    "GREETING": Wait.GREETING,
    "EHLO": Wait.HELLO,
    "STARTTLS": Wait.STARTTLS,
    "MAIL": Wait.MAIL,
    "RCPT": Wait.RCPT,
    "DATA": Wait.DATA,
    "CONTENT": Wait.END,
    "END": Wait.END,
}
"""The answer that is missing when the server does not go on after an event."""


def limits_for(event: str, answer: Answer) -> Limits:
    """Short for the answer that this fault keeps back, and for nothing else."""
    if answer is not Act.SILENT:
        return PATIENT
    return Impatient(**msgspec.structs.asdict(PATIENT), missing=SILENCES[event])


class Impatient(Limits, frozen=True, kw_only=True):
    """Waits hardly at all for one answer, and for every other one as usual."""

    missing: Wait

    def of(self, wait: Wait | None) -> float:
        return 0.05 if wait is self.missing else super().of(wait)


def served(*names: str) -> ssl.SSLContext:
    """What a server with a certificate for these names shows."""
    return certificates.server(*names or ("mx.b.test",))


def authorities(folder: Path) -> str:
    """The file of the authority, as in ``delivery.ca_file``."""
    path = folder / "authorities.pem"
    AUTHORITY.cert_pem.write_to_path(path)
    return str(path)


async def connected(
    sink: SmtpServer, tls: ClientTls | None = None, limits: Limits = PATIENT, *, name: str = ""
) -> Peer:
    """A connection that has said nothing yet; ``name``: TLS from the first octet."""
    ours = tls or ClientTls()
    found = await connect(
        [sink.host],
        sink.port,
        lambda: Peer("mx.home.test", ours, limits=limits),
        tls=(ours.context(is_checked=False), name) if name else None,
    )
    return found.protocol


def parcel(key: int = 0, octets: bytes = OCTETS, *recipients: str, **more: object) -> Parcel:
    """A small message."""
    return Parcel(key, transaction(*recipients, size=len(octets), **more), octets)


def large(key: int, blocks: Sequence[bytes], error: Exception | None = None) -> Parcel:
    """One that comes in blocks; at the end, ``error``."""

    async def stream() -> AsyncIterator[bytes]:
        for one in blocks:
            yield one
        if error is not None:
            raise error

    return Parcel(key, transaction(), None, stream)


def transaction(*recipients: str, **more: object) -> Transaction:
    return Transaction(
        sender=b"alice@home.test",
        recipients=tuple([Recipient(one.encode()) for one in recipients or ("you@b.test",)]),
        **more,  # type: ignore[arg-type]
    )


class Outcomes(dict[int, list[str]]):
    """What was decided, by the key of the parcel, a line a recipient."""

    def __call__(self, one: Parcel, answered: TransactionDone, /) -> None:
        assert one.key not in self, "a parcel is decided once"
        self[one.key] = [str(reply) for reply in answered.outcomes()]
