"""What Thunderbird for Android reads from a QR code: an account, with its password.

The format is that of its desktop program's "Export for Mobile", version 1: nested JSON arrays,
read by place. Names of hosts and addresses are ASCII there.
"""

import json
from typing import Final

from postroom.admin.client_settings import ClientSettings, Encryption, Service

_IMAP: Final = 0
_SMTP: Final = 0
_SECURITY: Final[dict[Encryption, int]] = {"starttls": 2, "implicit": 3}
_PASSWORD: Final = 1  # sent as it is, inside TLS


def account(
    settings: ClientSettings, host: str, address: str, name: str, password: str
) -> str | None:
    """The text of the code; None without IMAP and SMTP, and for an address beyond ASCII."""
    imap, smtp = settings.of("imap"), settings.of("smtp")
    if not imap or not smtp or not address.isascii():
        return None

    def server(kind: int, one: Service, *more: str) -> list[object]:
        return [kind, host, one.port, _SECURITY[one.encryption], _PASSWORD, address, *more]

    incoming = server(_IMAP, imap[0], address, password)
    outgoing = [[server(_SMTP, smtp[0], password), [address, name or address]]]
    return json.dumps([1, [1, 1], incoming, outgoing], separators=(",", ":"))
