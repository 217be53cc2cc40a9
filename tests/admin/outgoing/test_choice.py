"""What people type for their provider, and what a provider makes of it."""

import asyncio

import pytest

from postroom.admin.outgoing import choice
from postroom.admin.outgoing.choice import Trouble
from postroom.admin.outgoing.relays import Wanted
from postroom.config.model import Config
from postroom.errors import Invalid, NotFound
from rig.ports import free_port
from tests import certificates
from tests.admin.relay_server import HOST, RelayServer

NOW = 1_790_000_000_000


@pytest.mark.parametrize(
    ("typed", "wanted"),
    [
        ("gmail", Wanted(preset="gmail")),
        (" GMail ", Wanted(preset="gmail")),
        ("amazon-ses:eu-west-1", Wanted(preset="amazon-ses", host="eu-west-1")),
        ("smtp.example.net", Wanted(host="smtp.example.net", port=587, tls="starttls")),
        ("smtp.example.net.", Wanted(host="smtp.example.net", port=587, tls="starttls")),
        ("smtp://smtp.example.net:465/", Wanted(host="smtp.example.net", port=465, tls="implicit")),
        ("192.0.2.1:2525", Wanted(host="192.0.2.1", port=2525, tls="starttls")),
        ("[2001:db8::1]:25", Wanted(host="2001:db8::1", port=25, tls="starttls")),
        ("2001:db8::1", Wanted(host="2001:db8::1", port=587, tls="starttls")),
        ("localhost:2525", Wanted(host="localhost", port=2525, tls="starttls")),
    ],
)
def test_one_line_is_a_preset_or_a_host(typed: str, wanted: Wanted) -> None:
    found = choice.read(typed)
    assert found.wanted == wanted
    assert found.title


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("amazon-ses", "type amazon-ses:REGION"),
        ("gmail:465", "type gmail"),
        ("smtp.example.net:", None),
        ("smtp.example.net:x", "a port is a number"),
        ("smtp.example.net:0", "a port is a number"),
        ("smtp.example.net:99999", "a port is a number"),
        ("smtp.exa mple.net", "no host"),
    ],
)
def test_what_is_neither_is_told(typed: str, words: str | None) -> None:
    if words is None:  # a colon too many
        assert choice.read(typed).wanted.port == 587
        return
    with pytest.raises(Invalid, match=words):
        choice.read(typed)


def test_presets_that_are_like_it_are_named() -> None:
    with pytest.raises(NotFound, match="perhaps gmail"):
        choice.read("gmial")
    with pytest.raises(NotFound, match="perhaps .*gmail"):
        choice.read("me@gmail.com")


def test_a_login_where_one_is_needed() -> None:
    gmail, own = choice.read("gmail"), choice.read("smtp.example.net")
    whole = choice.with_login(gmail, " me@gmail.com ", "secret")
    assert (whole.login, whole.password) == ("me@gmail.com", "secret")
    assert choice.with_login(gmail, "", "", is_later=True) == Wanted(preset="gmail")
    assert choice.with_login(own, "", "") == own.wanted
    for one, login, password in (
        (gmail, "", ""), (gmail, "me", ""), (gmail, "", "x"), (own, "me", ""), (own, "", "x"),
    ):  # fmt: skip
        with pytest.raises(Invalid, match="login and a password"):
            choice.with_login(one, login, password)
    assert choice.with_login(choice.read("sendgrid"), "", "key").login == "apikey"


def test_a_mailbox_there_takes_the_test_message() -> None:
    assert choice.read("gmail").mailbox("me@gmail.com") == "me@gmail.com"
    assert choice.read("gmail").mailbox("me@demo.test") == ""
    assert choice.read("smtp.example.net").mailbox("me@example.net") == ""


def tried(
    server: RelayServer, login: str = "", password: str = "", tls: str = ""
) -> Trouble | None:
    async def inside() -> Trouble | None:
        async with server:
            chosen = choice.read(f"{HOST}:{server.port}")
            wanted = choice.with_login(chosen, login, password)
            config = Config(hostname="mx.demo.test")
            return await choice.trouble(config, chosen, wanted, NOW)

    return asyncio.run(inside())


def test_one_that_takes_the_login_is_no_trouble() -> None:
    server = RelayServer(("AUTH PLAIN",), context=certificates.server(HOST))
    assert tried(server, "me", "secret") is None
    assert not [line for line in server.lines if line.startswith("MAIL")]


def test_a_login_that_is_refused_is_told_without_the_password() -> None:
    server = RelayServer(
        ("AUTH PLAIN",), {"AUTH": "535 5.7.8 no secret"}, context=certificates.server(HOST)
    )
    found = tried(server, "me", "secret")
    assert found is not None
    assert found.is_login
    assert "does not take this login and password: it said 535" in found.sentence
    assert "secret" not in found.sentence


def test_one_without_tls_or_that_turns_us_away_or_is_not_there_is_told() -> None:
    found = tried(RelayServer(("AUTH PLAIN",)), "me", "secret")
    assert found is not None
    assert (found.is_login, "can't be trusted" in found.sentence) == (False, True)
    found = tried(RelayServer(replies={"": "554 5.7.1 go away"}, context=certificates.server(HOST)))
    assert found is not None
    assert "turns this server away: it said 554" in found.sentence
    chosen = choice.read(f"{HOST}:{free_port()}")
    config = Config(hostname="mx.demo.test")
    found = asyncio.run(choice.trouble(config, chosen, chosen.wanted, NOW))
    assert found is not None
    assert "does not answer on port" in found.sentence
