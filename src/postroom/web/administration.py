"""The pages: the administration, and everybody's own."""

from typing import Final

from starlette.routing import Route

from postroom.web.api.call import Services
from postroom.web.desk import Desk
from postroom.web.oidc import Provider, source_of
from postroom.web.pages import (
    activity,
    addresses,
    audit,
    backups,
    devices,
    domain_suppression,
    domains,
    entrance,
    filters,
    junk,
    leaving,
    letter,
    letter_test,
    lists,
    mail,
    mailboxes,
    many_people,
    me,
    moving,
    oidc,
    overview,
    own_mail,
    own_security,
    passkeys,
    people,
    queue,
    rejects,
    relays,
    retention,
    rights,
    security,
    senders,
    session_tester,
    sessions,
    settings,
    sharing,
    site_script,
    suppression,
    waiting,
    ways,
    webhooks,
    write,
    zone,
)
from postroom.web.render import Renderer

_PAGES: Final = (
    entrance,
    oidc,
    leaving,
    mail,
    mailboxes,
    letter,
    write,
    waiting,
    ways,
    sharing,
    me,
    devices,
    own_mail,
    own_security,
    activity,
    passkeys,
    filters,
    senders,
    suppression,
    overview,
    letter_test,
    domain_suppression,
    domains,
    zone,
    many_people,
    people,
    retention,
    rights,
    addresses,
    lists,
    queue,
    rejects,
    junk,
    relays,
    security,
    sessions,
    session_tester,
    settings,
    site_script,
    webhooks,
    backups,
    moving,
    audit,
)


def routes(services: Services) -> list[Route]:
    """Every page, at one desk."""
    office = services.office
    source = source_of(office.config.oidc)
    provider = Provider(source, services.resolver, office.clock) if source else None
    renderer = Renderer(office.config.hostname)
    desk = Desk(office, services.login, services.resolver, renderer, services.intake, provider)
    return [route for one in _PAGES for route in one.routes(desk)]
