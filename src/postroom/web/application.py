"""The HTTP application: every path of one server, put together.

Imported only after the mail doors answer.
"""

from collections.abc import Callable, Mapping
from typing import Final

from starlette.applications import Starlette
from starlette.types import ASGIApp

from postroom.admin.office import Office
from postroom.config.model import Listen
from postroom.net.tls import Certificates
from postroom.web import acme, health, static
from postroom.web.api import routes as api
from postroom.web.api.call import Services
from postroom.web.desk import Desk
from postroom.web.discovery import Discovery
from postroom.web.health import Check, Gauges
from postroom.web.hosts import Hosts
from postroom.web.oidc import Provider, source_of
from postroom.web.pages import (
    addresses,
    domains,
    entrance,
    filters,
    letter_test,
    me,
    oidc,
    overview,
    own_security,
    passkeys,
    people,
    queue,
    rights,
    security,
    senders,
    sessions,
    zone,
)
from postroom.web.render import Renderer

_PAGES: Final = (
    entrance,
    oidc,
    me,
    own_security,
    passkeys,
    filters,
    senders,
    overview,
    letter_test,
    domains,
    zone,
    people,
    rights,
    addresses,
    queue,
    security,
    sessions,
)


def application(
    services: Services,
    certificates: Certificates,
    *,
    check: Check,
    counts: Callable[[], Mapping[str, int]],
    gauges: Gauges,
) -> Starlette:
    """What all listeners serve. ``check``, ``counts`` and ``gauges`` are those of ``health``."""
    office, login, resolver = services.office, services.login, services.resolver
    trusted = office.config.trusted
    source = source_of(office.config.oidc)
    provider = Provider(source, resolver, office.clock) if source else None
    desk = Desk(office, login, resolver, Renderer(office.config.hostname), provider)
    return Starlette(
        routes=[
            *health.routes(check=check, counts=counts, gauges=gauges, trusted=trusted),
            *Discovery(office, certificates).routes(),
            *acme.routes(office),
            *static.routes(),
            *api.routes(services),
            *(route for pages in _PAGES for route in pages.routes(desk)),
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
