"""The settings about who gets in, and what is kept of it."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta


class Login(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Logging in, to the pages in the browser above all (docs/administration.md)."""

    second_factor: Annotated[
        Literal["optional", "admins", "everybody"],
        Meta(
            description="Who must have a second factor beside their password, or use a passkey: "
            "nobody, those who administer anything, or everybody. Who has none yet is led to the "
            "page where it is set up, and gets nowhere else."
        ),
    ] = "optional"
    notices: Annotated[
        bool,
        Meta(
            description="Whoever logs in to the browser from one that was not used before gets a "
            "message about it."
        ),
    ] = True
    history_days: Annotated[
        int,
        Meta(
            ge=0,
            le=3650,
            description="How long it is kept who logged in to an account by any protocol, from "
            'where and with which password, and who tried to; people see it under "Activity", '
            "postmasters with `postroom account activity`. 0: nothing of it is kept.",
        ),
    ] = 30
