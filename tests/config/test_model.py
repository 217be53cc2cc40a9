"""Every setting says what it means; defaults depend on the protocol where they must."""

import typing
from pathlib import Path

import msgspec
import pytest

from postroom.config.model import (
    STANDARD_PORTS,
    Auth,
    Config,
    Dns,
    Limits,
    Listen,
    ListenProtocol,
    Log,
    Tls,
    standard_listeners,
)
from postroom.config.spam import Spam

TABLES: list[type[msgspec.Struct]] = [Config, Listen, Tls, Dns, Spam, Limits, Log]


@pytest.mark.parametrize("table", TABLES)
def test_every_setting_is_described(table: type[msgspec.Struct]) -> None:
    assert table.__doc__
    hints = typing.get_type_hints(table, include_extras=True)
    for field in msgspec.structs.fields(table):
        metas = [
            meta
            for meta in getattr(hints[field.name], "__metadata__", ())
            if isinstance(meta, msgspec.Meta) and meta.description
        ]
        assert metas, f"{table.__name__}.{field.name} has no description"
        assert metas[-1].description is not None
        assert metas[-1].description.endswith((".", ")"))


@pytest.mark.parametrize("table", TABLES)
def test_every_table_is_frozen_and_knows_its_settings(table: type[msgspec.Struct]) -> None:
    assert table.__struct_config__.frozen
    assert table.__struct_config__.forbid_unknown_fields


def test_every_protocol_has_a_standard_port() -> None:
    assert set(STANDARD_PORTS) == set(typing.get_args(ListenProtocol))


@pytest.mark.parametrize("protocol", typing.get_args(ListenProtocol))
def test_nobody_logs_in_on_port_25_and_everywhere_else_inside_tls(
    protocol: ListenProtocol,
) -> None:
    listen = Listen(protocol=protocol, port=1)
    assert listen.auth == ("never" if protocol == "smtp" else "tls")


@pytest.mark.parametrize("auth", typing.get_args(Auth))
def test_auth_can_be_chosen(auth: Auth) -> None:
    assert Listen(protocol="smtp", port=1, auth=auth).auth == auth


@pytest.mark.parametrize(
    ("address", "is_loopback"),
    [
        ("127.0.0.1", True),
        ("127.8.8.8", True),
        ("::1", True),
        ("localhost", True),
        ("", False),
        ("0.0.0.0", False),
        ("::", False),
        ("192.0.2.1", False),
        ("localhost.example", False),
    ],
)
def test_loopback(address: str, is_loopback: bool) -> None:
    assert Listen(protocol="imap", address=address, port=1).is_loopback is is_loopback


def test_standard_listeners_are_all_but_lmtp() -> None:
    listeners = standard_listeners()
    assert {listen.protocol for listen in listeners} == set(STANDARD_PORTS) - {"lmtp"}
    assert all(listen.port == STANDARD_PORTS[listen.protocol] for listen in listeners)
    assert all(listen.auth != "plain" and not listen.relay_from for listen in listeners)


def test_names_that_end_in_s_begin_with_tls() -> None:
    implicit = {listen.protocol for listen in standard_listeners() if listen.is_implicit_tls}
    assert implicit == {"submissions", "imaps", "pop3s", "https"}


def test_the_folder_is_a_path() -> None:
    assert Config(hostname="mail.example.org", data="/x").folder == Path("/x")


@pytest.mark.parametrize(
    ("database", "shown"),
    [
        (None, None),
        ("postgresql://db.example/mail", "postgresql://db.example/mail"),
        ("postgresql://me:s3cret@db.example/mail", "postgresql://me@db.example/mail"),
        ("postgresql://me@db/mail?password=s3cret&x=1", "postgresql://me@db/mail?password=&x=1"),
    ],
)
def test_settings_are_shown_without_the_password(database: str | None, shown: str | None) -> None:
    config = Config(hostname="mail.example.org", database=database)
    assert config.shown.database == shown
    assert config.shown.hostname == config.hostname
