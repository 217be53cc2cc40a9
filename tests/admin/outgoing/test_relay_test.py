"""Relays are tried out against a real server on loopback."""

import base64
import ssl
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec
import pytest
import trustme

from postroom.admin import accounts, domains
from postroom.admin.office import Office
from postroom.admin.outgoing import relay_test, relays
from postroom.admin.outgoing.relay_test import RelayTest, Step
from postroom.admin.outgoing.relays import UseView, Wanted
from postroom.config.delivery import Delivery
from postroom.config.model import Config, Dns
from postroom.errors import Invalid, NotFound
from rig.dns import DnsServer, Fault
from tests.admin.bureau import Story
from tests.admin.relay_server import HOST, RelayServer
from tests.directory.keys import quick
from tests.fakes import Clock

Tell = Callable[[Story], None]
SECRET = "open-sesame"
AUTH = ("PIPELINING", "AUTH PLAIN LOGIN")
ZONE = {("relay.test", "A"): [HOST], ("wrong.test", "A"): [HOST]}
CA = trustme.CA()


def context(*names: str) -> ssl.SSLContext:
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    CA.issue_cert(*(names or ("relay.test",)), common_name="relay.test").configure_cert(made)
    return made


def having(office: Office, tmp_path: Path, dns: DnsServer) -> Office:
    """The office, with our authority and this DNS server."""
    path = tmp_path / "ca.pem"
    CA.cert_pem.write_to_path(str(path))
    config = msgspec.structs.replace(
        office.config, dns=Dns(servers=(dns.address,)), delivery=Delivery(ca_file=str(path))
    )
    assert isinstance(config, Config)
    return Office(
        config, office.db, office.directory, office.store, office.blobs, office.notify,
        office.ids, office.clock,
    )  # fmt: skip


async def tried(
    office: Office, port: int, *, to: str = "", seconds: float = 10, **wanted: object
) -> RelayTest:
    """The relay ``office`` with these settings, tried out."""
    fields = {"host": HOST, "port": port, "tls": "none", **wanted}
    await relays.add(office, "office", Wanted(**fields))  # type: ignore[arg-type]
    return await relay_test.walk(office, "OFFICE", to=to, seconds=seconds)


def names(found: RelayTest) -> list[str]:
    return [step.name for step in found.steps]


def seen(found: RelayTest, name: str) -> Mapping[str, str]:
    return next(step.seen for step in reversed(found.steps) if step.name == name)


def failed(found: RelayTest) -> Step:
    """The last step; those before it are good."""
    assert not found.ok
    assert [step.ok for step in found.steps] == [True] * (len(found.steps) - 1) + [False]
    step = found.steps[-1]
    assert step.reason
    assert step.action
    return step


def test_a_relay_without_tls(tell: Tell) -> None:
    async def story(office: Office, clock: Clock) -> None:
        async with RelayServer() as server:
            found = await tried(office, server.port)
        assert found.ok
        assert (found.relay, found.host, found.port, found.tls) == (
            "office", HOST, server.port, "none",
        )  # fmt: skip
        assert [(step.name, step.seen) for step in found.steps] == [
            ("dns", {"addresses": HOST}),
            ("connect", {"address": HOST}),
            ("greeting", {"reply": "220 relay.test ESMTP ready"}),
            ("ehlo", {"name": "relay.test", "offers": "PIPELINING, SIZE 1000000"}),
        ]
        assert server.lines == ["EHLO mx.demo.test", "QUIT"]

    tell(story)


def test_starttls_login_and_an_envelope_that_is_taken_back(tell: Tell, tmp_path: Path) -> None:
    async def story(office: Office, clock: Clock) -> None:
        async with (
            DnsServer(ZONE) as dns,
            RelayServer(AUTH, context=context()) as server,
        ):
            found = await tried(
                having(office, tmp_path, dns), server.port, host="relay.test", tls="starttls",
                login="me@demo.test", password=SECRET, to="bob@far.test",
            )  # fmt: skip
        assert found.ok, found.steps[-1]
        assert names(found) == [
            "dns", "connect", "greeting", "ehlo", "tls", "ehlo", "login", "sender", "recipient",
        ]  # fmt: skip
        tls = seen(found, "tls")
        assert tls["protocol"].startswith("TLSv1.3 TLS_")
        assert (tls["subject"], tls["names"]) == (
            "CN=relay.test,OU=" + tls["subject"][17:],
            "relay.test",
        )
        assert "trustme" in tls["issuer"]
        assert "days left" in tls["valid"]
        assert seen(found, "login") == {"mechanism": "PLAIN", "reply": "235 2.7.0 welcome"}
        assert seen(found, "ehlo")["offers"] == "PIPELINING, AUTH LOGIN PLAIN"
        assert seen(found, "sender") == {"address": "me@demo.test", "reply": "250 2.1.0 fine"}
        assert [line.partition(" ")[0] for line in server.lines] == [
            "EHLO", "STARTTLS", "EHLO", "AUTH", "MAIL", "RCPT", "RSET", "QUIT",
        ]  # fmt: skip
        assert server.lines[5] == "RCPT TO:<bob@far.test>"

    tell(story)


def test_implicit_tls(tell: Tell, tmp_path: Path) -> None:
    async def story(office: Office, clock: Clock) -> None:
        async with (
            DnsServer(ZONE) as dns,
            RelayServer(context=context(), is_implicit=True) as server,
        ):
            mine = having(office, tmp_path, dns)
            found = await tried(mine, server.port, host="relay.test", tls="implicit")
        assert found.ok, found.steps[-1]
        assert names(found) == ["dns", "connect", "tls", "greeting", "ehlo"]

    tell(story)


@pytest.mark.parametrize("tls", ["starttls", "implicit"])
def test_a_certificate_for_another_name_is_shown(tell: Tell, tmp_path: Path, tls: str) -> None:
    async def story(office: Office, clock: Clock) -> None:
        async with (
            DnsServer(ZONE) as dns,
            RelayServer(AUTH, context=context(), is_implicit=tls == "implicit") as server,
        ):
            found = await tried(
                having(office, tmp_path, dns), server.port, host="wrong.test", tls=tls,
                login="me", password=SECRET,
            )  # fmt: skip
        step = failed(found)
        assert step.name == "tls"
        assert "certificate" in step.reason
        assert step.seen["names"] == "relay.test"
        assert "--no-verify" in step.action
        assert not [line for line in server.lines if line.startswith("AUTH")]

    tell(story)


def test_tls_that_does_not_work(tell: Tell) -> None:
    async def story(office: Office, clock: Clock) -> None:
        async with RelayServer() as plain:
            step = failed(await tried(office, plain.port, tls="implicit", verify=False))
            assert (step.name, "--tls starttls" in step.action) == ("tls", True)
            await relays.remove(office, "office")
            step = failed(await tried(office, plain.port, tls="starttls", verify=False))
            assert (step.name, step.reason) == ("tls", "The server does not offer STARTTLS")
            assert "--port 465 --tls implicit" in step.action
        await relays.remove(office, "office")
        async with RelayServer(context=context(), is_implicit=True) as server:
            step = failed(await tried(office, server.port, seconds=0.5))
            assert step.name == "greeting"
            assert "--tls implicit" in step.action

    tell(story)


def test_nobody_is_there(tell: Tell) -> None:
    async def story(office: Office, clock: Clock) -> None:
        async with RelayServer() as server:
            pass
        step = failed(await tried(office, server.port))
        assert (step.name, "Connection refused" in step.reason) == ("connect", True)
        assert "--port N" in step.action

    tell(story)


def test_names_that_lead_nowhere(tell: Tell, tmp_path: Path) -> None:
    async def story(office: Office, clock: Clock) -> None:
        async with DnsServer(ZONE, faults={("broken.test", ""): Fault.SERVFAIL}) as dns:
            mine = having(office, tmp_path, dns)
            for host, reason, action in (
                ("none.test", "has no address", "relay set office --host H"),
                ("broken.test", "SERVFAIL", "dns.servers"),
                ("localhost", "has no address", "names in /etc/hosts don't count"),
            ):
                step = failed(await tried(mine, 25, host=host))
                assert (step.name, reason in step.reason, action in step.action) == (
                    "dns", True, True,
                )  # fmt: skip
                await relays.remove(office, "office")

    tell(story)


@pytest.mark.parametrize(
    ("replies", "name", "reason"),
    [
        ({"": "554 5.7.1 not you"}, "greeting", "it said 554 5.7.1 not you"),
        ({"": ""}, "greeting", "The server closed the connection"),
        ({"": None}, "greeting", "no answer in 0.5 seconds"),
        ({"": "hello"}, "greeting", "broke the protocol"),
        ({"EHLO": "550 a", "HELO": "550 5.5.0 b"}, "ehlo", "it said 550 5.5.0 b"),
        ({"EHLO": None}, "ehlo", "no answer"),
        ({"AUTH": "535 5.7.8 wrong"}, "login", "it said 535 5.7.8 wrong"),
        ({"AUTH": None}, "login", "no answer"),
        ({"AUTH": ""}, "login", "closed the connection"),
        ({"AUTH": "334 !"}, "login", "base64"),
        ({"MAIL": "530 5.7.0 log in"}, "sender", "it said 530 5.7.0 log in"),
        ({"MAIL": None}, "sender", "no answer"),
        ({"RCPT": "550 5.7.1 no relaying"}, "recipient", "it said 550 5.7.1 no relaying"),
        ({"RCPT": "451 4.3.0 later"}, "recipient", "it said 451 4.3.0 later"),
        ({"RCPT": ""}, "recipient", "closed the connection"),
    ],
)
def test_each_step_can_fail(
    tell: Tell, replies: dict[str, str | None], name: str, reason: str
) -> None:
    async def story(office: Office, clock: Clock) -> None:
        seconds = 0.5 if None in replies.values() else 10
        async with RelayServer(AUTH, replies=replies) as server:
            found = await tried(
                office, server.port, login="me", password=SECRET, to="bob@far.test", seconds=seconds
            )
        step = failed(found)
        assert (step.name, reason in step.reason) == (name, True), step

    tell(story)


def test_a_login_that_can_t_be(tell: Tell) -> None:
    async def story(office: Office, clock: Clock) -> None:
        async with RelayServer(("AUTH GSSAPI",)) as server:
            step = failed(await tried(office, server.port, login="me", password=SECRET))
            assert (step.name, "no way to log in" in step.reason) == ("login", True)
            assert step.seen == {}

    tell(story)


def test_the_password_is_never_told(tell: Tell) -> None:
    plain = base64.b64encode(f"\0me\0{SECRET}".encode()).decode()

    async def story(office: Office, clock: Clock) -> None:
        for reply in (f"500 5.5.2 what is AUTH PLAIN {plain}?", f"535 5.7.8 {SECRET} is wrong"):
            async with RelayServer(AUTH, replies={"AUTH": reply}) as server:
                found = await tried(office, server.port, login="me", password=SECRET)
            told = msgspec.json.encode(found).decode()
            assert plain[:8] not in told
            assert SECRET not in told
            assert "(hidden)" in failed(found).reason
            await relays.remove(office, "office")
        replies = {"": f"220 {SECRET}", "MAIL": f"250 {SECRET}"}
        async with RelayServer(AUTH, replies=replies) as server:
            found = await tried(office, server.port, login="me", password=SECRET, to="bob@far.test")
        assert found.ok
        assert SECRET not in repr(found)

    tell(story)


def test_who_the_sender_is(tell: Tell) -> None:
    async def story(office: Office, clock: Clock) -> None:
        async with RelayServer() as server:

            async def sender(given: str = "") -> str:
                found = await relay_test.walk(office, "office", to="bob@far.test", sender=given)
                return seen(found, "sender")["address"]

            await relays.add(office, "office", Wanted(host=HOST, port=server.port, tls="none"))
            assert await sender() == "postmaster@mx.demo.test"
            await domains.add(office, "demo.test", generate=quick)
            await accounts.add(office, "alice@demo.test", password=None)
            assert await sender() == "postmaster@demo.test"
            await domains.add(office, "münchen.test", generate=quick)
            await relays.use(office, "office", [UseView("sender-domain", "münchen.test")])
            assert await sender() == "postmaster@xn--mnchen-3ya.test"
            await relays.use(office, "office", [UseView("account", "alice@demo.test")])
            assert await sender() in {"alice@demo.test", "postmaster@xn--mnchen-3ya.test"}
            assert await sender("x@y.test") == "x@y.test"
            lines = len(server.lines)
            with pytest.raises(Invalid):
                await sender("nobody")
            with pytest.raises(Invalid):
                await relay_test.walk(office, "office", to="nobody")
            assert len(server.lines) == lines

    tell(story)


def test_utf8_that_the_relay_does_not_take(tell: Tell) -> None:
    async def story(office: Office, clock: Clock) -> None:
        async with RelayServer() as server:
            step = failed(await tried(office, server.port, to="bjørn@far.test"))
            assert (step.name, "UTF-8" in step.reason) == ("sender", True)
            assert server.lines == ["EHLO mx.demo.test", "QUIT"]

    tell(story)


def test_there_is_no_such_relay(tell: Tell) -> None:
    async def story(office: Office, clock: Clock) -> None:
        with pytest.raises(NotFound, match="postroom relay list"):
            await relay_test.walk(office, "none")

    tell(story)
