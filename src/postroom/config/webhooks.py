"""The settings about webhooks."""

from typing import Annotated

import msgspec
from msgspec import Meta

from postroom.config.files import content


class Webhooks(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Programs that are told what happens (`postroom webhook`), by calls over https."""

    at_once: Annotated[
        int, Meta(ge=1, le=100, description="Calls side by side, one of a webhook at a time.")
    ] = 8
    seconds: Annotated[int, Meta(ge=1, le=60, description="How long an answer may take.")] = 10
    ports: Annotated[
        tuple[Annotated[int, Meta(ge=1, le=65_535)], ...],
        Meta(description="Ports that calls may go to."),
    ] = (443, 8443)
    private_networks: Annotated[
        tuple[str, ...],
        Meta(
            description="Networks besides public ones that calls may go to, such as 10.0.0.0/8. "
            "Without any, a webhook can't be used to reach into the network of the server."
        ),
    ] = ()
    ca_file: Annotated[
        str | None,
        Meta(description="PEM file with the authorities that count. Default: the system's."),
    ] = None

    def authorities(self) -> str | None:
        """The PEM of ``ca_file``; raises ConfigurationError."""
        return content("webhooks.ca_file", self.ca_file) if self.ca_file else None
