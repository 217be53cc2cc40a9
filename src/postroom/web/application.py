"""The HTTP application: every path of one server, put together.

Imported only after the mail doors answer.
"""

from collections.abc import Callable, Mapping

from starlette.applications import Starlette
from starlette.types import ASGIApp

from postroom.admin.office import Office
from postroom.config.model import Listen
from postroom.net.tls import Certificates
from postroom.web import acme, health
from postroom.web.discovery import Discovery
from postroom.web.health import Check, Gauges
from postroom.web.hosts import Hosts


def application(
    office: Office,
    certificates: Certificates,
    *,
    check: Check,
    counts: Callable[[], Mapping[str, int]],
    gauges: Gauges,
) -> Starlette:
    """What all listeners serve. ``check``, ``counts`` and ``gauges`` are those of ``health``."""
    trusted = office.config.trusted
    return Starlette(
        routes=[
            *health.routes(check=check, counts=counts, gauges=gauges, trusted=trusted),
            *Discovery(office, certificates).routes(),
            *acme.routes(office),
        ]
    )


def behind(listen: Listen, application: ASGIApp, office: Office) -> Hosts:
    """The application as one listener serves it."""
    return Hosts(
        application,
        hostname=office.config.hostname,
        is_own=office.directory.is_own,
        is_public_http=not listen.is_implicit_tls and not listen.is_loopback,
    )
