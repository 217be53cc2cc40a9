"""The API: relays, and how mail to a domain must be encrypted."""

from typing import Annotated, Final

from msgspec import Meta

from postroom.admin.outgoing import presets, relay_test, relays, tls_rules
from postroom.admin.outgoing.presets import Preset
from postroom.admin.outgoing.relay_test import RelayTest
from postroom.admin.outgoing.relays import RelayChanged, RelayView, UseView, Wanted
from postroom.admin.outgoing.tls_rules import TlsRuleView
from postroom.admin.paging import Slice
from postroom.directory.relays import Tls, UseKind
from postroom.directory.tls_rules import Mode
from postroom.web.api.call import Call
from postroom.web.api.operation import Input, Noun, Paged

NOUN: Final = Noun("relays", "relays", "Servers that outgoing mail goes through; TLS rules.")


class Use(Input, frozen=True, kw_only=True):
    """What goes through it; ``of``: a domain or the address of an account."""

    kind: UseKind
    of: str = ""


class Uses(Input, frozen=True, kw_only=True):
    """What goes through it."""

    uses: tuple[Use, ...]


class Server(Input, frozen=True, kw_only=True):
    """What is left out is as the preset says, or as it was; a ``login`` of "" ends the login."""

    preset: str | None = None
    host: str | None = None
    port: Annotated[int, Meta(ge=1, le=65535)] | None = None
    tls: Tls | None = None
    verify: bool | None = None
    login: str | None = None
    password: str | None = None
    is_token: Annotated[bool, Meta(description="The password is an OAuth 2.0 token.")] = False


class NewRelay(Server, frozen=True, kw_only=True):
    """A relay, from a preset or from host, port and tls."""

    name: str
    uses: tuple[Use, ...] = ()


class Trial(Input, frozen=True, kw_only=True):
    """Addresses for MAIL and RCPT, which are left out without; nothing is sent."""

    to: str = ""
    sender: str = ""


class NewMode(Input, frozen=True, kw_only=True):
    """How mail to the domain must be encrypted."""

    mode: Mode


class Sought(Input, frozen=True, kw_only=True):
    """Words of a provider, or an address there."""

    search: str = ""


@NOUN.on("GET", "/relays")
async def every(call: Call, query: Paged) -> Slice[RelayView]:
    """List relays by name."""
    return await relays.page(call.office, after=query.after, size=query.limit)


@NOUN.on("POST", "/relays", status=201)
async def add(call: Call, body: NewRelay) -> RelayChanged:
    """Make a relay."""
    return await relays.add(call.office, body.name, _wanted(body), _uses(body.uses))


@NOUN.on("GET", "/relays/{name}")
async def show(call: Call, name: str) -> RelayView:
    """Show a relay with its uses."""
    return await relays.show(call.office, name)


@NOUN.on("PATCH", "/relays/{name}")
async def change(call: Call, name: str, body: Server) -> RelayView:
    """Set what is given; the uses stay."""
    return await relays.change(call.office, name, _wanted(body))


@NOUN.on("DELETE", "/relays/{name}")
async def remove(call: Call, name: str) -> RelayChanged:
    """Forget a relay; what went through it goes as if it had never been."""
    return await relays.remove(call.office, name)


@NOUN.on("POST", "/relays/{name}/use")
async def use(call: Call, name: str, body: Uses) -> RelayChanged:
    """Send these through a relay, and no longer through another one."""
    return await relays.use(call.office, name, _uses(body.uses))


@NOUN.on("POST", "/relays/{name}/unuse")
async def unuse(call: Call, name: str, body: Uses) -> RelayChanged:
    """Send these no longer through a relay; without any, nothing."""
    return await relays.unuse(call.office, name, _uses(body.uses))


@NOUN.on("POST", "/relays/{name}/test")
async def test(call: Call, name: str, body: Trial) -> RelayTest:
    """Try a relay out, step by step."""
    return await relay_test.walk(call.office, name, to=body.to, sender=body.sender)


@NOUN.on("GET", "/relay-presets")
async def known(_call: Call, query: Sought) -> tuple[Preset, ...]:
    """List the providers that are known."""
    return presets.search(query.search) if query.search else presets.every()


@NOUN.on("GET", "/tls-rules")
async def rules(call: Call, query: Paged) -> Slice[TlsRuleView]:
    """List the rules for TLS by domain."""
    return await tls_rules.page(call.office, after=query.after, size=query.limit)


@NOUN.on("PUT", "/tls-rules/{to}")
async def set_rule(call: Call, to: str, body: NewMode) -> TlsRuleView:
    """Say how mail to a domain must be encrypted."""
    return await tls_rules.put(call.office, to, body.mode)


@NOUN.on("DELETE", "/tls-rules/{to}")
async def remove_rule(call: Call, to: str) -> TlsRuleView:
    """Encrypt mail to a domain as to any other."""
    return await tls_rules.remove(call.office, to)


def _wanted(body: Server) -> Wanted:
    return Wanted(
        preset=body.preset,
        host=body.host,
        port=body.port,
        tls=body.tls,
        verify=body.verify,
        login=body.login,
        password=body.password,
        is_token=body.is_token,
    )


def _uses(some: tuple[Use, ...]) -> list[UseView]:
    return [UseView(one.kind, one.of) for one in some]
