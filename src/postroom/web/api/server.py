"""The API: the server as a whole."""

from typing import Final

from postroom.admin import overview
from postroom.admin.mailboxes import search
from postroom.admin.mailboxes.search import IndexView
from postroom.admin.overview import Overview
from postroom.admin.tls import certificates
from postroom.admin.tls.certificates import CertificateView
from postroom.admin.watch import health
from postroom.admin.watch.health import Health
from postroom.config.model import Config
from postroom.web.api.call import Call
from postroom.web.api.operation import Noun

NOUN: Final = Noun("server", "server", "The server: how it does, its settings, its certificates.")


@NOUN.on("GET", "/overview")
async def show(call: Call) -> Overview:
    """Tell how the server does: health, counts, flow of 24 hours, queue, disk, alerts."""
    return await overview.show(call.office)


@NOUN.on("GET", "/health")
async def judged(call: Call) -> Health:
    """Tell how well the server is: a score from 0 to 100, and what lowers it."""
    return health.judge(await overview.measure(call.office))


@NOUN.on("GET", "/config")
async def settings(call: Call) -> Config:
    """Show the settings in force; passwords are left out."""
    return call.office.config.shown


@NOUN.on("GET", "/certificates")
async def held(call: Call) -> list[CertificateView]:
    """List the certificates."""
    return await certificates.every(call.office)


@NOUN.on("POST", "/certificates/{name}/renew")
async def renew(call: Call, name: str) -> CertificateView:
    """Order a certificate anew."""
    return await certificates.renew(call.office, name, resolver=call.services.resolver)


@NOUN.on("GET", "/search")
async def indexed(call: Call) -> IndexView:
    """Tell how far the index for searching is."""
    return await search.status(call.office)
