"""The settings about telling the owners of trouble."""

from typing import Annotated

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
