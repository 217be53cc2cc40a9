"""The HTTP application: every path of one server, put together.

Imported when somebody first connects to the web.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from starlette.applications import Starlette
from starlette.routing import BaseRoute, Mount
from starlette.types import ASGIApp, Receive, Scope, Send

from postroom.admin.office import Office
from postroom.config.model import Listen
from postroom.net.tls import Certificates
from postroom.web import acme, health, static
from postroom.web.api.call import Services
from postroom.web.discovery import Discovery
from postroom.web.health import Check, Gauges
from postroom.web.hosts import Hosts
from postroom.web.late import Late
from postroom.web.nowhere import nothing

JMAP: Final = ("/jmap", "/.well-known/jmap")


def application(
    services: Services,
    certificates: Certificates,
    *,
    check: Check,
    counts: Callable[[], Mapping[str, int]],
    gauges: Gauges,
) -> Starlette:
    """What all listeners serve. ``check``, ``counts`` and ``gauges`` are those of ``health``."""
    office = services.office
    trusted = office.config.trusted
    return Starlette(
        routes=[
            *health.routes(check=check, counts=counts, gauges=gauges, trusted=trusted),
            *Discovery(office, certificates).routes(),
            *acme.routes(office),
            *static.routes(),
            Mount("", app=_people_and_programs(services)),
        ],
        exception_handlers={404: nothing},
    )


def _people_and_programs(services: Services) -> ASGIApp:
    """The pages, the API and JMAP, each imported when it is first asked for."""

    def pages() -> Sequence[BaseRoute]:
        from postroom.web import administration

        return administration.routes(services)

    def api() -> Sequence[BaseRoute]:
        from postroom.web.api import routes

        return routes.routes(services)

    def jmap() -> Sequence[BaseRoute]:
        from postroom.web.jmap import routes

        return routes.routes(services)

    for_people, for_programs, for_mail = Late(pages), Late(api), Late(jmap)

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        path: str = scope["path"]
        part = for_people
        if path.startswith("/api/"):
            part = for_programs
        elif path.startswith("/jmap/") or path in JMAP:
            part = for_mail
        await part(scope, receive, send)

    return answer


def behind(listen: Listen, application: ASGIApp, office: Office) -> Hosts:
    """The application as one listener serves it."""
    return Hosts(
        application,
        hostname=office.config.hostname,
        is_own=office.directory.is_own,
        is_public_http=not listen.is_implicit_tls and not listen.is_loopback,
    )
