"""Lists of accounts and aliases, as other mail servers keep them, read into wishes.

A line that can't be had here becomes a ``Skipped`` with the reason; it never stops the rest.

postfix-aliases: aliases(5); postfix-virtual: virtual(5); dovecot-passwd: the passwd-file of
Dovecot; hmailserver: the XML of its backup; csv: columns address, name, password, quota, targets.
"""

import csv
import io
import re
from collections.abc import Iterator, Sequence
from typing import Final, Literal
from xml.parsers import expat

import msgspec

from postroom.address import Address, AddressError, Domain
from postroom.directory import foreign_hashes
from postroom.errors import Invalid, Refused

Format = Literal["postfix-aliases", "postfix-virtual", "dovecot-passwd", "hmailserver", "csv"]

MAX_TARGETS: Final = 10_000
_PLAIN: Final = re.compile(r"\{(?:PLAIN|CLEARTEXT|CLEAR)\}(.*)", re.DOTALL)
_QUOTA: Final = re.compile(r"storage=([0-9]{1,18})([BKMGT]?)(?![0-9])", re.IGNORECASE)
_SIZE: Final = re.compile(r"([0-9]{1,18})\s*([BKMGT]?)(?:i?B)?", re.IGNORECASE)
_POWERS: Final = {"B": 0, "": 1, "K": 1, "M": 2, "G": 3, "T": 4}


class Person(msgspec.Struct, frozen=True):
    """An account that is wished for. ``password``, or its ``hash`` as it is kept, or neither."""

    address: str
    name: str = ""
    password: str = ""
    hash: str = ""
    quota: int = 0

    def __repr__(self) -> str:
        """Without the secret."""
        return f"Person({self.address!r})"


class Other(msgspec.Struct, frozen=True):
    """An address that stands for others."""

    address: str
    targets: tuple[str, ...]


class CatchAll(msgspec.Struct, frozen=True):
    """Where mail to unknown addresses of a domain goes."""

    domain: str
    target: str


class Home(msgspec.Struct, frozen=True):
    """A domain that is wished for."""

    name: str


class Skipped(msgspec.Struct, frozen=True):
    """Something that can't be had here, and why."""

    what: str
    reason: str


Wish = Person | Other | CatchAll | Home | Skipped


def read(text: str, form: Format, domain: str = "") -> list[Wish]:
    """The wishes of a list; names without a domain are of ``domain``. Raises Refused."""
    text = text.removeprefix("\ufeff")
    match form:
        case "postfix-aliases":
            return list(_aliases(text, domain))
        case "postfix-virtual":
            return list(_virtual(text, domain))
        case "dovecot-passwd":
            return list(_passwd(text, domain))
        case "hmailserver":
            return list(_hmailserver(text))
        case "csv":
            try:
                return list(_csv(text, domain))
            except csv.Error as error:
                raise Refused(f"the file is no CSV: {error}") from None


def size(text: str) -> int | None:
    """``10 GB``, ``500M`` or a number of octets, in octets; 0 for "", None for no size."""
    found = _SIZE.fullmatch(text or "0B")
    return None if found is None else int(found[1]) * 1024 ** _POWERS[found[2].upper() or "B"]


def delimiter(line: str) -> str:
    """What stands between the columns: a comma, or what spreadsheets write in its place."""
    return next((one for one in ",;\t" if one in line), ",")


def _aliases(text: str, domain: str) -> Iterator[Wish]:
    for line in _logical(text):
        name, colon, rest = line.partition(":")
        if line.startswith('"'):
            name, colon, rest = line[1:].partition('":')
        if not colon:
            yield Skipped(_short(line), "it has no colon")
            continue
        yield _other(name.strip(), _listed(rest), domain)


def _virtual(text: str, domain: str) -> Iterator[Wish]:
    for line in _logical(text):
        name, _, rest = line.replace("\t", " ").partition(" ")
        targets = _listed(rest)
        if name.startswith("@"):
            if len(targets) == 1 and "@" in targets[0] and not targets[0].startswith("@"):
                yield CatchAll(name[1:], targets[0])
            else:
                yield Skipped(name, "a catch-all goes to one address here; alias domains: postroom"
                              " domain add NAME --alias-of OTHER")  # fmt: skip
        elif "@" not in name and "." in name:
            yield Home(name)
        else:
            yield _other(name, targets, domain)


def _passwd(text: str, domain: str) -> Iterator[Wish]:
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        user, _, rest = line.partition(":")
        secret, *fields = rest.split(":")
        if not user.strip():
            yield Skipped(f"line {number}", "it has no name")
            continue
        extra = ":".join(fields[5:])
        size = _QUOTA.search(extra)
        quota = int(size[1]) * 1024 ** _POWERS[size[2].upper()] if size else 0
        gecos = fields[2] if len(fields) > 2 else ""
        yield _person(user.strip(), gecos.partition(",")[0], secret, quota, domain)


def _csv(text: str, domain: str) -> Iterator[Wish]:
    first = text.partition("\n")[0]
    rows = csv.DictReader(io.StringIO(text, newline=None), delimiter=delimiter(first))
    columns = {name.strip().lower() for name in rows.fieldnames or ()}
    if "address" not in columns:
        raise Refused("the first line names the columns, and address is not among them")
    for row in rows:
        known = {
            key.strip().lower(): value.strip()
            for key, value in row.items()
            if isinstance(key, str) and isinstance(value, str)
        }
        address = known.get("address", "")
        if not address:
            continue
        if known.get("targets"):
            yield _other(address, re.split(r"[;,\s]+", known["targets"]), domain)
            continue
        quota = size(known.get("quota", ""))
        if quota is None:
            yield Skipped(address, f"{_short(known['quota'])} is no size")
            continue
        secret = known.get("password", "")
        if secret and not secret.startswith("{"):
            secret = "{PLAIN}" + secret
        name = " ".join(known.get("name", "").split())
        yield _person(address, name, secret, quota, domain)


def _hmailserver(text: str) -> Iterator[Wish]:
    """``Domain Name=..`` with ``Account``, ``Alias`` and ``DistributionList`` in it."""
    found: list[Wish] = []
    lists: list[tuple[str, list[str]]] = []

    def start(tag: str, told: dict[str, str]) -> None:
        match tag:
            case "Domain":
                found.append(Home(told.get("Name", "")))
            case "Account":
                found.append(_of_hmailserver(told))
            case "Alias":
                found.append(_other(told.get("Name", ""), [told.get("Value", "")], ""))
            case "DistributionList":
                lists.append((told.get("Name") or told.get("Address", ""), []))
            case "Recipient" if lists:
                lists[-1][1].append(told.get("Name") or told.get("Address", ""))

    def refuse(*_: object) -> None:
        raise Refused("the file declares entities, which a backup of hMailServer does not")

    parser = expat.ParserCreate()
    parser.StartElementHandler = start
    parser.EntityDeclHandler = refuse
    try:
        parser.Parse(text, True)
    except expat.ExpatError as error:
        raise Refused(f"the file is no XML: {error}") from None
    found += [_other(name, targets, "") for name, targets in lists]
    if not any(isinstance(one, Home) for one in found):
        raise Refused(
            "the file has no Domain: make it with the backup of hMailServer's administrator"
        )
    return iter(found)


def _of_hmailserver(told: dict[str, str]) -> Wish:
    name = " ".join(filter(None, (told.get("PersonFirstName"), told.get("PersonLastName"))))
    secret = told.get("Password", "")
    kind = told.get("PasswordEncryption", "")
    known = {"0": "{PLAIN}", "3": "{HMAIL-SHA256}"}.get(kind, "{UNKNOWN}") if secret else ""
    size = told.get("MaxAccountSize", "0")
    is_number = size.isascii() and size.isdecimal() and len(size) < 13
    quota = int(size) << 20 if is_number else 0
    return _person(told.get("Name", ""), name, known + secret, quota, "")


def _person(user: str, name: str, secret: str, quota: int, domain: str) -> Wish:
    address = _address(user, domain)
    if address is None:
        return Skipped(_short(user), _no_address(user))
    plain = _PLAIN.fullmatch(secret)
    if plain:
        return Person(address, name, password=plain[1], quota=quota)
    kept = foreign_hashes.taken(secret if secret.startswith("{") else f"{{CRYPT}}{secret}")
    return Person(address, name, hash=kept, quota=quota)


def _other(name: str, targets: Sequence[str], domain: str) -> Wish:
    address = _address(name, domain)
    if address is None:
        return Skipped(_short(name), _no_address(name))
    if len(targets) > MAX_TARGETS:
        return Skipped(
            address,
            f"it has more than {MAX_TARGETS} targets: make a mailing list, postroom list add",
        )
    good: list[str] = []
    for target in targets:
        if target.startswith(("|", "/", ":include:", '"|', '"/', "\\", "@")):
            return Skipped(
                address, f"{_short(target)} is no address: programs and files are not taken"
            )
        found = _address(target, domain)
        if found is None:
            return Skipped(address, f"{_short(target)}: {_no_address(target)}")
        good.append(found)
    if not good:
        return Skipped(address, "it leads nowhere")
    return Other(address, tuple(dict.fromkeys(good)))


def _address(text: str, domain: str) -> str | None:
    try:
        if "@" in text:
            return str(Address.parse(text))
        return str(Address(text, Domain.parse(domain))) if text and domain else None
    except (AddressError, Invalid):
        return None


def _no_address(text: str) -> str:
    return (
        "is no address" if "@" in text else "which domain is it of? name the domain of such names"
    )


def _logical(text: str) -> Iterator[str]:
    """Lines with what continues them; without comments."""
    line = ""
    for one in text.splitlines():
        if not one.strip() or one.lstrip().startswith("#"):
            continue
        if one[0] in " \t":
            line += " " + one.strip()
            continue
        if line:
            yield line
        line = one.rstrip()
    if line:
        yield line


def _listed(text: str) -> list[str]:
    """Targets between commas; a comma in quotes is none."""
    parts = re.findall(r'(?:[^",]|"[^"]*")+', text)
    return [part.strip() for part in parts if part.strip()]


def _short(text: str) -> str:
    return text if len(text) < 80 else text[:77] + "..."
