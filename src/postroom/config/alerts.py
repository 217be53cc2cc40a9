"""The settings about telling the owners of trouble."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta


class Alerts(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Trouble of the server, as the page Overview shows it."""

    mail: Annotated[
        bool,
        Meta(
            description="Owners get a message when an alert begins (a certificate that is not "
            "renewed, the disk nearly full, messages that wait long) and when it is over."
        ),
    ] = True
    letter: Annotated[
        bool,
        Meta(
            description="Owners get a letter of what has changed since the last one: health, domains and "
            "accounts, DNS records, certificates, queue, disk, refusals, settings, backups. At most one "
            "a day, and none without a change."
        ),
    ] = True
    letter_hour: Annotated[
        int, Meta(ge=0, le=23, description="The hour (UTC) from which on it goes.")
    ] = 6
    hijack: Annotated[
        Literal["off", "tell", "hold"],
        Meta(
            description="What becomes of an account that behaves as if somebody else had its "
            'password: "tell" tells its person and the postmaster, "hold" also stops what it '
            "sends until `postroom account release`."
        ),
    ] = "tell"
    blocklists: Annotated[
        tuple[str, ...],
        Meta(
            max_length=20,
            description="Lists in the DNS that are asked whether they hold the addresses that this "
            "server sends from. Only while a public address is known. Read the terms of a list "
            "before you add it. Empty: none.",
        ),
    ] = ("bl.spamcop.net", "psbl.surriel.com")
    blocklist_hours: Annotated[
        int, Meta(ge=1, le=168, description="Hours from one such question to the next.")
    ] = 6
