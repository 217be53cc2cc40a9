"""Identity/get, Identity/changes, Identity/set (RFC 8621 §6).

Each address that a person may write from is an Identity that can't be destroyed; whole domains are
``*@domain``. Its plain signature is the one that the browser puts under messages. A person may make
others, of any address that they may send as. In an account of somebody else there are those of its
addresses, for who may post in its owner's name.
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping, Sequence
from hashlib import blake2b
from typing import Any, Final

import msgspec

from postroom.access.annotations import Annotations
from postroom.access.places import Places
from postroom.address import Address, AddressError
from postroom.db.database import Tx
from postroom.directory import accounts, identities, persona, send_as
from postroom.directory.identities import Kept, Mailbox
from postroom.web.jmap import arguments as read, patch as patching
from postroom.web.jmap.account import Account
from postroom.web.jmap.errors import MethodError, SetError, invalid_properties
from postroom.web.jmap.fields_write import Unfit, people
from postroom.web.jmap.method import Call, Methods, Result
from postroom.web.jmap.setting import SET, Setter, carry_out
from postroom.web.mail import signature

PROPERTIES: Final = (
    "id", "name", "email", "replyTo", "bcc", "textSignature", "htmlSignature", "mayDelete",
)  # fmt: skip
MOST: Final = 100  # that a person has made or changed
MOST_TOLD: Final = 200  # whose changes a state tells
MAX_NAME: Final = 200
MAX_HTML: Final = 20_000
MAX_PEOPLE: Final = 50

_DIGEST: Final = 4
_ENTRY: Final = 1 + 8 + _DIGEST
_UNTOLD: Final = "-"


class Identity(msgspec.Struct, frozen=True):
    """One of them; ``is_made``: by the person."""

    id: str
    name: str
    email: str
    reply_to: tuple[Mailbox, ...] | None
    bcc: tuple[Mailbox, ...] | None
    text: str
    html: str
    is_made: bool

    def told(self) -> dict[str, Any]:
        """Every property."""
        return {
            "id": self.id,
            "name": self.name,
            "email": self.email,
            "replyTo": _told(self.reply_to),
            "bcc": _told(self.bcc),
            "textSignature": self.text,
            "htmlSignature": self.html,
            "mayDelete": self.is_made,
        }

    def is_of(self, address: Address) -> bool:
        """Whether mail from this address may be sent as it."""
        if self.email.startswith("*@"):
            return address.domain.ascii == self.email[2:]
        try:
            return Address.parse(self.email) == address
        except AddressError:
            return False


async def get(call: Call) -> Result:
    """Identity/get."""
    read.only(call.arguments, "accountId", "ids", "properties")
    account = await call.account()
    ids = read.wanted_ids(call.arguments)
    properties = read.wanted_properties(call.arguments, PROPERTIES)
    there = await every(call, account)
    found = [
        read.picked(one.told(), properties)
        for one in there.values()
        if ids is None or one.id in ids
    ]
    return read.got(account.id, _packed(_map(there)), found, ids)


async def changes(call: Call) -> Result:
    """Identity/changes."""
    since, most = read.changes(call.arguments)
    account = await call.account()
    old, new = _unpacked(since), _map(await every(call, account))
    if since == _packed(new):
        old = new
    if old is None or len(new) > MOST_TOLD:
        raise MethodError("cannotCalculateChanges", "get all Identities anew")
    changed = sorted(one for one in old.keys() | new.keys() if old.get(one) != new.get(one))
    part = changed[:most]
    between = {
        one: new.get(one) if one in part else old.get(one) for one in old.keys() | new.keys()
    }
    return {
        "accountId": account.id,
        "oldState": since,
        "newState": _packed({one: digest for one, digest in between.items() if digest}),
        "hasMoreChanges": len(part) < len(changed),
        "created": [one for one in part if one not in old],
        "updated": [one for one in part if one in old and one in new],
        "destroyed": [one for one in part if one not in new],
    }


async def put(call: Call) -> Result:
    """Identity/set."""
    read.only(call.arguments, *SET)
    account = await call.account(write=True)
    work = _Setting(call, account)
    setter = Setter(work.state, work.create, work.update, work.destroy)
    return await carry_out(call, account.id, setter)


METHODS: Final[Methods] = {
    "Identity/get": get,
    "Identity/changes": changes,
    "Identity/set": put,
}


async def every(call: Call, account: Account) -> dict[str, Identity]:
    """The Identities of an account, by id; those of its main address first."""
    directory = call.office.directory
    number = account.number
    signatures = await _signatures(call) if account.is_own else {}

    def look(tx: Tx) -> tuple[str, list[str], dict[str, Kept]]:
        found = accounts.by_id(tx, number)
        addresses = list(persona.of(tx, number).addresses)
        if not account.is_own:
            return found.name if found else "", addresses, {}
        addresses += [
            one.written if one.local else f"*@{one.domain}" for one in send_as.of(tx, number)
        ]
        return found.name if found else "", addresses, identities.of(tx, number)

    name, addresses, kept = await directory.look(look)
    found = {}
    for address in dict.fromkeys(addresses):
        ident = _id_of(address)
        more = kept.get(ident, Kept())
        is_whole = address.startswith("*@")
        if is_whole or await directory.may_send_as(call.person.account_id, Address.parse(address)):
            text = signatures.get(signature.entry(address)) or signatures.get(signature.ENTRY, "")
            found[ident] = _identity(ident, address, name, more, text)
    for ident, more in kept.items():
        if more.email and await _may_send(call, more.email):
            found[ident] = _identity(ident, more.email, name, more, more.text)
    return found


def _identity(ident: str, email: str, name: str, kept: Kept, text: str) -> Identity:
    return Identity(
        ident,
        name if kept.name is None else kept.name,
        email,
        kept.reply_to,
        kept.bcc,
        text,
        kept.html,
        is_made=bool(kept.email),
    )


class _Setting:
    """What Identity/set does to the Identities of one account."""

    def __init__(self, call: Call, account: Account) -> None:
        self._call = call
        self._account = account

    async def state(self) -> str:
        return _packed(_map(await every(self._call, self._account)))

    async def create(self, _creation: str, given: dict[str, Any]) -> dict[str, Any]:
        self._check_own()
        for name in ("id", "mayDelete"):
            if name in given:
                raise invalid_properties(f"{name} is set by the server", name)
        wanted = {
            "name": "", "replyTo": None, "bcc": None, "textSignature": "", "htmlSignature": "",
            **given,
        }  # fmt: skip
        email = wanted.get("email")
        if not isinstance(email, str):
            raise invalid_properties("an Identity has an email", "email")
        kept = msgspec.structs.replace(_kept(wanted), email=_email(email))
        if not await _may_send(self._call, kept.email):
            raise SetError("forbiddenFrom", f"you may not send as {email}")
        ident = f"I{self._call.office.ids.next():x}"
        await self._write(ident, kept)
        made = _identity(ident, kept.email, "", kept, kept.text).told()
        return {name: made[name] for name in made if name not in given or made[name] != given[name]}

    async def update(self, ident: str, patch: dict[str, Any]) -> dict[str, Any] | None:
        self._check_own()
        before = await self._there(ident)
        wanted = patching.patched(before.told(), patch)
        for name in ("id", "email", "mayDelete"):
            if wanted.get(name) != before.told()[name]:
                raise invalid_properties(f"{name} can't be changed", name)
        wanted = {"name": "", "textSignature": "", "htmlSignature": "", **wanted}
        kept = _kept(wanted)
        if before.is_made:
            await self._write(ident, msgspec.structs.replace(kept, email=before.email))
        else:
            if "name" not in patch:  # it stays that of the account
                kept = msgspec.structs.replace(kept, name=(await self._kept_of(ident)).name)
            await self._write(ident, msgspec.structs.replace(kept, text=""))
            if kept.text != before.text:
                await self._sign(before.email, kept.text)
        after = (await self._there(ident)).told()
        return {name: after[name] for name in after if after[name] != wanted.get(name)} or None

    async def destroy(self, ident: str) -> None:
        self._check_own()
        found = await self._there(ident)
        if not found.is_made:
            raise SetError("forbidden", f"{found.email} is an address that you may write from")
        number = self._account.number
        await self._call.office.db.write(lambda tx: identities.remove(tx, number, ident))

    def _check_own(self) -> None:
        if not self._account.is_own:
            raise SetError("forbidden", "the Identities of others are theirs to change")

    async def _there(self, ident: str) -> Identity:
        found = (await every(self._call, self._account)).get(ident)
        if found is None:
            raise SetError("notFound", f"there is no Identity {ident!r}")
        return found

    async def _kept_of(self, ident: str) -> Kept:
        number = self._account.number
        found = await self._call.office.db.read(lambda tx: identities.of(tx, number))
        return found.get(ident, Kept())

    async def _write(self, ident: str, kept: Kept) -> None:
        number = self._account.number

        def write(tx: Tx) -> None:
            identities.put(tx, number, ident, kept)
            if identities.made(tx, number) > MOST:
                raise SetError("overQuota", f"there are at most {MOST} Identities; destroy some")

        await self._call.office.db.write(write)

    async def _sign(self, address: str, text: str) -> None:
        value = text.encode() or None
        await _annotations(self._call).change("", [(signature.entry(address), value)])


def _kept(wanted: Mapping[str, Any]) -> Kept:
    for name in wanted:
        if name not in PROPERTIES:
            raise invalid_properties(f"an Identity has no {name}", name)
    return Kept(
        name=_text("name", wanted, MAX_NAME),
        reply_to=_people("replyTo", wanted),
        bcc=_people("bcc", wanted),
        text=_text("textSignature", wanted, signature.MOST),
        html=_text("htmlSignature", wanted, MAX_HTML),
    )


def _text(name: str, wanted: Mapping[str, Any], most: int) -> str:
    value = wanted.get(name)
    more = "" if name == "name" else "\r\n\t"
    if (
        not isinstance(value, str)
        or len(value) > most
        or not all(letter.isprintable() or letter in more for letter in value)
    ):
        raise invalid_properties(
            f"{name} is text of at most {most} characters, without control characters", name
        )
    return value


def _people(name: str, wanted: Mapping[str, Any]) -> tuple[Mailbox, ...] | None:
    value = wanted.get(name)
    if value is None:
        return None
    try:
        found = people(value)
    except Unfit as error:
        raise invalid_properties(f"{name}: {error}", name) from None
    if len(found) > MAX_PEOPLE:
        raise invalid_properties(f"{name} has at most {MAX_PEOPLE} addresses", name)
    return tuple(Mailbox(email, label or "") for email, label in found)


def _told(some: Sequence[Mailbox] | None) -> list[dict[str, str | None]] | None:
    if some is None:
        return None
    return [{"name": one.name or None, "email": one.email} for one in some]


def _email(text: str) -> str:
    try:
        if text.startswith("*@"):
            return f"*@{Address.parse(f'x{text[1:]}').domain.ascii}"
        return str(Address.parse(text))
    except AddressError as error:
        raise invalid_properties(f"email: {error}", "email") from None


async def _may_send(call: Call, email: str) -> bool:
    directory, number = call.office.directory, call.person.account_id
    if email.startswith("*@"):
        domain = email[2:]
        granted = await directory.look(lambda tx: send_as.within(tx, number, domain))
        return granted.is_whole
    return await directory.may_send_as(number, Address.parse(email))


def _annotations(call: Call) -> Annotations:
    office = call.office
    return Annotations(
        call.person, office.store, Places(call.person, office.store, office.directory)
    )


async def _signatures(call: Call) -> dict[str, str]:
    found = await _annotations(call).find("", [signature.ENTRY], "1", None)
    return {name: value.decode("utf-8", "replace") for name, value in found.entries if value}


def _id_of(address: str) -> str:
    return "D" + blake2b(address.casefold().encode(), digest_size=8).hexdigest()


def _map(there: Mapping[str, Identity]) -> dict[str, bytes]:
    """A digest of each, by id."""
    return {
        ident: blake2b(msgspec.json.encode(one.told()), digest_size=_DIGEST).digest()
        for ident, one in there.items()
    }


def _packed(digests: Mapping[str, bytes]) -> str:
    """The state: all that is needed to tell what has changed since."""
    entries = [
        ident[:1].encode() + int(ident[1:], 16).to_bytes(8, "big") + digests[ident]
        for ident in sorted(digests)
    ]
    whole = b"".join(entries)
    if len(digests) > MOST_TOLD:
        return _UNTOLD + blake2b(whole, digest_size=12).hexdigest()
    return "i" + urlsafe_b64encode(whole).decode("ascii").rstrip("=")


def _unpacked(state: str) -> dict[str, bytes] | None:
    try:
        whole = urlsafe_b64decode(state[1:] + "=" * (-len(state[1:]) % 4))
    except ValueError:
        return None
    if state[:1] != "i" or len(whole) % _ENTRY:
        return None
    found = {}
    for at in range(0, len(whole), _ENTRY):
        kind, number = whole[at : at + 1], int.from_bytes(whole[at + 1 : at + 9], "big")
        if kind not in {b"D", b"I"}:
            return None
        ident = f"D{number:016x}" if kind == b"D" else f"I{number:x}"
        found[ident] = whole[at + 9 : at + _ENTRY]
    return found if _packed(found) == state else None
