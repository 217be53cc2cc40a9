"""What a session is told about its listener."""

from collections.abc import Callable
from typing import Literal

import msgspec

from postroom.protocol.sasl.mechanisms import MECHANISMS

Dialect = Literal["SMTP", "LMTP"]
Auth = Literal["never", "tls", "plain"]


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """One listener's settings, shared by its sessions. Sizes of 0 are no limit.

    ``clock`` gives UTC milliseconds; without one no message is held for later (RFC 4865).
    ``has_urls``: who submits may name parts of a message by URL (RFC 4468).
    ``asks_unknown``: lines with no command of ours come as events.
    """

    hostname: str
    dialect: Dialect = "SMTP"
    max_message: int = 0
    max_recipients: int = 1_000
    auth: Auth = "never"
    requires_login: bool = False
    offers_tls: bool = False
    mechanisms: tuple[str, ...] = MECHANISMS
    soft_errors: int = 10
    hard_errors: int = 20
    login_failures: int = 5
    has_urls: bool = False
    asks_unknown: bool = False
    clock: Callable[[], int] | None = None
