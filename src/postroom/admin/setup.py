"""From nothing to a server that works: the settings file, the domain, its admin, the relay.

Every step looks first whether it is done, so that setting up again destroys nothing and goes on
where it was left.
"""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec

from postroom.address import Address, Domain
from postroom.admin import accounts, domains, names
from postroom.admin.office import Office
from postroom.admin.outgoing import presets, relays
from postroom.admin.outgoing.relays import UseView, Wanted
from postroom.config.model import standard_listeners
from postroom.config.toml import string
from postroom.db.database import Tx
from postroom.directory import accounts as account_rows, domains as domain_rows
from postroom.errors import Invalid, Refused

RELAY: Final = "default"

_FILE: Final = """\
# Written by postroom setup. Every setting: docs/config.md.
hostname = {hostname}
data = {data}
"""
_LISTEN: Final = """
[[listen]]
protocol = "{protocol}"
port = {port}
"""
_BEHIND: Final = """
# For the web server that has ports 80 and 443: docs/mail-programs.md.
[[listen]]
protocol = "http"
address = "127.0.0.1"
port = {port}
"""
_ACME: Final = """
[acme]
accept_terms = true
contact = {contact}
"""


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """What a person has said. ``relay`` is what outgoing mail goes through, None for none.

    ``web_port`` is where our pages are for a web server that has the usual ports; None: on those.
    """

    domain: str
    admin: str
    hostname: str
    data: str
    password: str | None = None
    wants_certificates: bool = True
    relay: Wanted | None = None
    web_port: int | None = None

    def __repr__(self) -> str:
        return f"Wish({self.domain}, {self.admin})"


class Done(msgspec.Struct, frozen=True):
    """What setting up did: each step, and whether it was done before."""

    step: str
    was_there: bool


def write_file(path: Path, wish: Wish) -> Done:
    """The settings file; one that is there stays as it is. Raises Refused."""
    if path.exists():
        return Done(f"settings in {path}", was_there=True)
    text = _FILE.format(hostname=string(wish.hostname), data=string(wish.data))
    if wish.wants_certificates:
        text += _ACME.format(contact=string(wish.admin))
    if wish.web_port is not None:
        mail = [one for one in standard_listeners() if one.protocol not in {"http", "https"}]
        text += "".join(_LISTEN.format(protocol=one.protocol, port=one.port) for one in mail)
        text += _BEHIND.format(port=wish.web_port)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        is_ours = _write_new(path, text)
    except OSError as error:
        raise Refused(f"{path} can't be written: {error.strerror}; name another with -c") from error
    return Done(f"settings in {path}", was_there=not is_ours)


@contextlib.contextmanager
def settings(path: Path, wish: Wish) -> Iterator[Done]:
    """The same around what is made with it: a file that nothing could be made with goes again."""
    written = write_file(path, wish)
    try:
        yield written
    except BaseException:
        if not written.was_there:
            path.unlink(missing_ok=True)
        raise


def _write_new(path: Path, text: str) -> bool:
    """Whole or not at all; False when there is one by now, which stays. Raises OSError."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.unlink(missing_ok=True)
    try:
        with temporary.open("x") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.link(temporary, path)
    except FileExistsError:  # another wizard was quicker
        return False
    finally:
        temporary.unlink(missing_ok=True)
    return True


async def furnish(office: Office, wish: Wish) -> list[Done]:
    """Domain, admin and relay; what is there stays."""
    done = [await _domain(office, wish.domain), await _admin(office, wish)]
    if wish.relay is not None:
        done.append(await _relay(office, wish.relay))
    return done


def mail_domain(text: str) -> str:
    """The domain that somebody means, as people write it: of an address or of a page, if given.

    Capitals and a final dot do not matter. Raises Invalid.
    """
    bare = _bare(text).rpartition("@")[2]
    if not bare:
        raise Invalid("type the domain, what stands after the @ of your addresses: example.org")
    if bare.startswith("[") or bare.replace(".", "").isdigit():
        raise Invalid(f"{text} is an address of a machine: name the domain, such as example.org")
    domain = names.domain(bare)
    if "." not in domain.ascii:
        raise Invalid(f"{text} is no whole domain, such as example.org")
    owner = next((one.title for one in presets.every() if domain.ascii in one.domains), "")
    if owner:
        raise Invalid(f"{domain.unicode} is {owner}'s: name a domain of your own")
    return domain.unicode


def address_in(text: str) -> str:
    """The address that somebody has typed for their domain; "" when it was none."""
    local, at, _ = _bare(text).rpartition("@")
    if not (local and at):
        return ""
    try:
        return admin_address(_bare(text), mail_domain(text))
    except Invalid:
        return ""


def admin_address(text: str, domain: str) -> str:
    """An address in the domain; a name without a domain is one in it. Raises Invalid."""
    text = text.strip()
    address = names.address(text if "@" in text else f"{text}@{domain}")
    if address.domain != names.domain(domain):
        raise Invalid(f"{text} is not in {domain}: the first account is one of your own domain")
    return address.display


def host_name(text: str) -> str:
    """The name of the server, as it is written in DNS. Raises Invalid."""
    domain = names.domain(_bare(text))
    if domain.is_literal or "." not in domain.ascii:
        raise Invalid(f"{text} is no whole name of a server, such as mail.example.org")
    return domain.ascii


def _bare(text: str) -> str:
    """A name without what browsers put around it."""
    return text.strip().rpartition("://")[2].partition("/")[0]


async def known_domain(office: Office) -> str:
    """The first domain that was set up; "" when there is none."""
    own = await office.directory.look(domain_rows.first)
    return "" if own is None else Domain(own.name).unicode


async def known_admin(office: Office, domain: str) -> str:
    """The first administrator who has an address in the domain; "" when there is none."""
    sought = names.domain(domain)
    found = await office.directory.look(account_rows.owners)
    return next((str(one.address) for one in found if one.address.domain == sought), "")


async def is_unowned(office: Office) -> bool:
    """Whether nobody has an account: none was made, and none can come from elsewhere."""
    if office.config.ldap.url:
        return False
    return await office.directory.look(account_rows.count) == 0


async def has_account(office: Office, address: str) -> bool:
    """Whether there is such an account."""
    return await office.directory.look(lambda tx: _is_account(tx, names.address(address)))


def _is_account(tx: Tx, address: Address) -> bool:
    return account_rows.find(tx, address) is not None


async def _domain(office: Office, name: str) -> Done:
    step = f"domain {name}"
    if await office.directory.is_own(names.domain(name)):
        return Done(step, was_there=True)
    await domains.add(office, name)
    return Done(step, was_there=False)


async def _admin(office: Office, wish: Wish) -> Done:
    step = f"account {wish.admin}"
    if await has_account(office, wish.admin):
        return Done(step, was_there=True)
    await accounts.add(office, wish.admin, password=wish.password, admin=True)
    return Done(f"{step}, an admin", was_there=False)


async def has_relay(office: Office) -> bool:
    """Whether everything goes through a provider already."""
    return await _default_relay(office) is not None


async def _default_relay(office: Office) -> str | None:
    async for one in relays.every(office):
        if UseView("default") in one.uses:
            return one.name
    return None


async def _relay(office: Office, wanted: Wanted) -> Done:
    if known := await _default_relay(office):
        return Done(f"relay {known} for everything", was_there=True)
    added = await relays.add(office, RELAY, wanted, [UseView("default")])
    return Done(f"relay {added.host} for everything", was_there=False)
