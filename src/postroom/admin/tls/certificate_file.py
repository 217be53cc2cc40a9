"""The certificate that somebody gives the server as files: what is in it, and what is wrong.

The server starts with any pair that fits together, so that mail goes on; other servers do not look
at names and times (RFC 7435), mail programs do.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import msgspec
from cryptography import x509

from postroom.config.model import Config
from postroom.net.tls import digest, key_pem_digest


class Given(msgspec.Struct, frozen=True, kw_only=True):
    """The certificate in ``file``. ``begins`` and ``ends`` are None when it can't be read.

    ``problem`` is why mail programs will not believe it, or the server not start with it; "" for
    none.
    """

    file: str
    names: tuple[str, ...] = ()
    begins: datetime | None = None
    ends: datetime | None = None
    problem: str = ""


def look(config: Config, now: datetime) -> Given | None:
    """Read the files that ``tls`` names; None when it names none. Blocks."""
    if config.tls.certificate is None:
        return None
    path = Path(config.tls.certificate)
    try:
        octets = path.read_bytes()
        certificate = x509.load_pem_x509_certificate(octets)
    except OSError as error:
        return Given(file=str(path), problem=f"it can't be read: {error.strerror}")
    except ValueError:
        return Given(file=str(path), problem="it holds no certificate; give the full chain as PEM")
    names = tuple(_names(certificate))
    begins, ends = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    problem = _key_problem(octets, Path(config.tls.key or ""))
    if not any(_fits(one, config.hostname.lower()) for one in names):
        problem = problem or f"it is for {' '.join(names) or 'no name'}, not for {config.hostname}"
    if now < begins:
        problem = problem or f"it is not valid before {begins:%Y-%m-%d %H:%M} UTC"
    if ends <= now:
        problem = problem or f"it expired {ends.astimezone(UTC):%Y-%m-%d}"
    return Given(file=str(path), names=names, begins=begins, ends=ends, problem=problem)


def _names(certificate: x509.Certificate) -> Iterator[str]:
    """RFC 6125 §6.4: what counts are the alternative names."""
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except (ValueError, x509.ExtensionNotFound):
        return
    for name in found.value.get_values_for_type(x509.DNSName):
        yield name.lower()


def _fits(name: str, host: str) -> bool:
    """An asterisk stands for one label, the first (RFC 6125 §6.4.3)."""
    if name.startswith("*."):
        return host.partition(".")[2] == name[2:]
    return name == host


def _key_problem(chain: bytes, path: Path) -> str:
    try:
        is_pair = key_pem_digest(path.read_bytes()) == digest(chain)
    except OSError as error:
        return f"its key {path} can't be read: {error.strerror}"
    except (ValueError, TypeError):  # no key, or one with a password
        return f"{path} holds no private key without a password"
    return "" if is_pair else f"{path} is not its key"
