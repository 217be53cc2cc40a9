"""From a file to a ``Config``: found, read, typed, checked; or refused with the reason.

Every refusal is one line: the file, the setting's path, what is wrong with it.
"""

import os
import re
import shlex
import socket
import tomllib
import typing
from functools import partial
from pathlib import Path
from typing import Any, Final

import msgspec

from postroom.address import AddressError, Domain
from postroom.config.checks import check
from postroom.config.model import STANDARD_PORTS, Config, standard_listeners
from postroom.errors import ConfigurationError

FILE_NAME: Final = "postroom.toml"
SYSTEM_FILE: Final = Path("/etc/postroom/postroom.toml")
VARIABLE: Final = "POSTROOM_CONFIG"

_AT: Final = re.compile(r"(.*?)(?: - at `\$\.?([^`]*)`)?", re.DOTALL)
_UNKNOWN: Final = re.compile(r"Object contains unknown field `(.*)`", re.DOTALL)
_MISSING: Final = re.compile(r"Object missing required field `(.*)`")
_ENUM: Final = re.compile(r"Invalid enum value (.*)", re.DOTALL)
_WORDS: Final = {
    "`int`": "a whole number",
    "`float`": "a number",
    "`str`": "text",
    "`bool`": "true or false",
    "`array`": "a list",
    "`object`": "a table",
}


def find(path: str | None = None) -> Path | None:
    """The file to read: the one named, POSTROOM_CONFIG, ./postroom.toml, the system's.

    None when there is no file. One that is named but does not exist is still the answer:
    reading it fails with its name.
    """
    if named := path or os.environ.get(VARIABLE):
        return Path(named)
    for candidate in (Path(FILE_NAME), SYSTEM_FILE):
        if candidate.exists():
            return candidate
    return None


def load(path: Path | str | None) -> Config:
    """Read a file, or take every default when ``path`` is None; raises ConfigurationError."""
    if path is None:
        return check(_completed(Config(hostname=machine_name()), Path.cwd()), "no file")
    path = Path(path)
    return parse(_read(path), source=str(path), folder=path.absolute().parent)


def parse(text: str, *, source: str = FILE_NAME, folder: Path | None = None) -> Config:
    """Read the text of a file; relative paths in it begin at ``folder``."""
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        hint = "; texts stand in quotes" if "Invalid value" in str(error) else ""
        raise ConfigurationError(f"{source}: {error}{hint}") from None
    except RecursionError:
        raise ConfigurationError(f"{source}: nested too deeply") from None
    raw.setdefault("hostname", machine_name())
    _give_ports(raw.get("listen"))
    try:
        config = msgspec.convert(raw, Config)
    except msgspec.ValidationError as error:
        explained = _explained(str(error))
        if not explained.isprintable():
            explained = explained.encode("unicode_escape").decode()
        raise ConfigurationError(f"{source}: {explained}") from None
    return check(_completed(config, folder or Path.cwd()), source)


def machine_name() -> str:
    """The full name of this machine, ``localhost`` when it has none that is valid."""
    name = socket.getfqdn()
    try:
        return "localhost" if Domain.parse(name).is_literal else name
    except AddressError:
        return "localhost"


def _read(path: Path) -> str:
    try:
        octets = path.read_bytes()
        if not octets.strip(b" \t\r\n\0"):  # what a power failure leaves of a file
            raise ConfigurationError(
                f"{path}: is empty, so nothing is done: the defaults would be another server."
                f" Put its text back, or remove it, and then make it again:"
                f" postroom -c {shlex.quote(str(path))} setup"
            )
        return octets.decode()
    except UnicodeDecodeError:
        raise ConfigurationError(f"{path}: is not UTF-8 text") from None
    except FileNotFoundError:
        raise ConfigurationError(
            f"{path}: there is no such file; this makes it: postroom -c {shlex.quote(str(path))} setup"
        ) from None
    except OSError as error:
        raise ConfigurationError(f"{path}: {error.strerror}") from None


def _give_ports(listeners: object) -> None:
    """A listener without a port gets its protocol's; bad types are left to msgspec."""
    for table in listeners if isinstance(listeners, list) else []:
        if isinstance(table, dict) and table.get("protocol") in tuple(STANDARD_PORTS):
            table.setdefault("port", STANDARD_PORTS[table["protocol"]])


def _completed(config: Config, folder: Path) -> Config:
    """The standard listeners when there are none; every path absolute."""
    absolute = partial(_absolute, folder)
    tls, oauth, delivery = config.tls, config.oauth, config.delivery
    replace = msgspec.structs.replace
    return replace(
        config,
        data=absolute(config.data) or "",
        listen=config.listen or standard_listeners(),
        tls=replace(
            tls,
            certificate=absolute(tls.certificate),
            key=absolute(tls.key),
            client_ca_file=absolute(tls.client_ca_file),
        ),
        oauth=replace(
            oauth,
            client_secret_file=absolute(oauth.client_secret_file),
            ca_file=absolute(oauth.ca_file),
        ),
        delivery=replace(delivery, ca_file=absolute(delivery.ca_file)),
        webhooks=replace(config.webhooks, ca_file=absolute(config.webhooks.ca_file)),
        backup=replace(config.backup, path=absolute(config.backup.path)),
    )


def _absolute(folder: Path, path: str | None) -> str | None:
    return str(folder / Path(path).expanduser()) if path else path


def _explained(message: str) -> str:
    """``limits.soft_error: unknown setting; did you mean soft_errors?``."""
    import difflib

    at = _AT.fullmatch(message)
    reason, setting = (at[1], at[2] or "") if at else (message, "")
    if unknown := _UNKNOWN.fullmatch(reason):
        known = [field.encode_name for field in msgspec.structs.fields(_table(setting))]
        near = difflib.get_close_matches(unknown[1], known, n=1)
        advice = f"; did you mean {near[0]}?" if near else ""
        return f"{_join(setting, unknown[1])}: unknown setting{advice}"
    if missing := _MISSING.fullmatch(reason):
        return f"{_join(setting, missing[1])}: this setting is needed"
    if invalid := _ENUM.fullmatch(reason):
        return f"{setting}: {invalid[1]} is none of {', '.join(_choices(setting))}"
    for word, plain in _WORDS.items():
        reason = reason.replace(word, plain)
    return f"{setting}: {reason[:1].lower()}{reason[1:]}"


def _join(setting: str, name: str) -> str:
    return f"{setting}.{name}" if setting else name


def _table(setting: str) -> type[msgspec.Struct]:
    """The model's class at a path such as ``listen[0]``."""
    at: Any = Config
    for name in filter(None, re.sub(r"\[\d+\]", "", setting).split(".")):
        hint = _hint(at, name)
        at = next((kind for kind in typing.get_args(hint) if kind is not Ellipsis), hint)
    found: type[msgspec.Struct] = at
    return found


def _hint(table: Any, name: str) -> Any:
    """The type of a setting, by its name in the file."""
    names = {field.encode_name: field.name for field in msgspec.structs.fields(table)}
    return typing.get_type_hints(table)[names[name]]


def _choices(setting: str) -> tuple[str, ...]:
    """The words that a setting may have."""
    table, _, name = setting.rpartition(".")
    hint = _hint(_table(table), name)
    found = typing.get_args(hint)
    for part in found:
        found = typing.get_args(part) or found  # Literal[...] | None
    return found
