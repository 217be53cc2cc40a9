"""The settings about who wrote what strangers bring."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta


class Authentication(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Whether mail from strangers is from whom it says: SPF, DKIM, DMARC, ARC.

    For listeners with checks = "full". What was found stands in Authentication-Results on top of
    each message and in its story (postroom trace, postroom explain).
    """

    verify: Annotated[
        bool, Meta(description="Do these checks. They ask the DNS, at most 5 seconds a message.")
    ] = True
    dmarc: Annotated[
        Literal["enforce", "junk", "note"],
        Meta(
            description="What becomes of a message that fails DMARC: what the domain in its From "
            'asks for ("enforce": refused or filed as junk), junk at the worst, or it is noted '
            "only."
        ),
    ] = "enforce"
    author: Annotated[
        Literal["refuse", "junk", "note"],
        Meta(
            description="What becomes of a message that does not name its author in exactly one "
            "From field with exactly one address: mail programs may show another author than the "
            "one that was checked."
        ),
    ] = "refuse"
    no_author: Annotated[
        Literal["refuse", "junk", "note"],
        Meta(
            description="What becomes of a message that names nobody: no From, no Sender. Old "
            "devices send such messages."
        ),
    ] = "note"
    spf_fail: Annotated[
        Literal["refuse", "junk", "note"],
        Meta(
            description="What becomes of a message that fails SPF and has no DMARC pass. Forwarded "
            "mail fails it as well, so by default it is noted only."
        ),
    ] = "note"
    trusted_sealers: Annotated[
        tuple[str, ...],
        Meta(
            description="Domains of forwarders and lists whose ARC seal is believed: what passed "
            'DMARC there is not refused here for it: ["lists.example.org"].'
        ),
    ] = ()
