"""Programs find their settings, by each of their ways, with a whole application."""

import asyncio
import datetime as dt
import subprocess
from collections.abc import Awaitable, Callable
from pathlib import Path
from xml.etree import ElementTree as ET

import msgspec

from postroom.access.login import Login
from postroom.admin import domains
from postroom.admin.dns import table
from postroom.admin.dns.plan import sts_ident
from postroom.admin.office import Office
from postroom.config.model import Config, Dns, Listen, Tls
from postroom.mailauth import sts
from postroom.net.dns import Resolver
from postroom.net.tls import Certificates
from postroom.web import autodiscover
from postroom.web.api.call import Services
from postroom.web.application import application, behind
from postroom.web.hosts import Hosts
from rig.dns import DnsServer
from tests.admin.bureau import offices
from tests.admin.dns.test_table import configured
from tests.conftest import Opener
from tests.directory.keys import quick
from tests.fakes import Clock
from tests.web.asking import ask
from tests.web.receiving import intake_of
from tests.web.test_autodiscover import REQUEST
from tests.web.test_health import gauges, well

HTTPS = Listen(protocol="https", port=443)
CONFIG = Config(
    hostname="mx.demo.test",
    dns=Dns(public_addresses=("192.0.2.5",)),
    listen=(
        Listen(protocol="smtp", port=25),
        Listen(protocol="imaps", port=993),
        Listen(protocol="submissions", port=465),
        HTTPS,
    ),
)

Story = Callable[[Hosts, Office], Awaitable[None]]


def digest_of(octets: bytes) -> str:
    """As openssl has it."""
    command = "openssl dgst -sha256 -binary | openssl base64"
    done = subprocess.run(["sh", "-c", command], input=octets, capture_output=True, check=True)
    return done.stdout.decode().strip()


def tell(database: Opener, data: Path, story: Story, config: Config = CONFIG) -> None:
    async def inside() -> None:
        async with offices(database, data, Clock())() as opened:
            office = configured(opened, config)
            await domains.add(office, "demo.test", generate=quick)
            certificates = Certificates(
                "mx.demo.test", data, now=dt.datetime(2026, 11, 24, tzinfo=dt.UTC)
            )
            resolver = Resolver(["127.0.0.1:9"])
            login = Login(office.directory, office.clock)
            whole = application(
                Services(office, resolver, login, intake_of(office)),
                certificates,
                check=well,
                counts=dict,
                gauges=gauges,
            )
            await story(behind(HTTPS, whole, office), office)
            await resolver.close()

    asyncio.run(inside())


def test_autoconfig_of_a_host_or_of_an_address(database: Opener, data: Path) -> None:
    async def story(web: Hosts, _office: Office) -> None:
        by_host = await ask(web, "/mail/config-v1.1.xml", host="autoconfig.demo.test")
        by_address = await ask(
            web,
            "/.well-known/autoconfig/mail/config-v1.1.xml?emailaddress=no-one@demo.test",
            host="demo.test",
        )
        assert by_host.status == by_address.status == 200
        assert by_host.body == by_address.body
        assert by_host.headers["content-type"].startswith("text/xml")
        assert ET.fromstring(by_host.body).findtext(".//hostname") == "mx.demo.test"
        for wrong in ("a@other.test", "x y@demo.test@", "@"):
            said = await ask(web, f"/mail/config-v1.1.xml?emailaddress={wrong}")
            assert said.status == 404

    tell(database, data, story)


def test_autodiscover_answers_what_outlook_posts(database: Opener, data: Path) -> None:
    async def story(web: Hosts, _office: Office) -> None:
        path = "/Autodiscover/Autodiscover.xml"
        body = REQUEST.format("alice@demo.test").encode()
        said = await ask(web, path, host="autodiscover.demo.test", method="POST", body=body)
        assert said.status == 200
        assert b"<Server>mx.demo.test</Server>" in said.body
        other = body.replace(b"outlook/responseschema/2006a", b"mobilesync/responseschema/2006")
        said = await ask(web, path, method="POST", body=other)
        assert b"<ErrorCode>601</ErrorCode>" in said.body
        for wrong in ("", "a@other.test", "demo.test", "&#1;@demo.test", "\u20ac\u20ac@other.test"):
            said = await ask(web, path, method="POST", body=REQUEST.format(wrong).encode())
            assert b"<ErrorCode>600</ErrorCode>" in said.body, wrong
        for broken in (b"", b"\xff\xfe<\0E\0"):
            said = await ask(web, path, method="POST", body=broken)
            assert said.status == 200
            assert b"<ErrorCode>600</ErrorCode>" in said.body
        said = await ask(web, path, method="POST", body=b"x" * (autodiscover.MAX_REQUEST + 1))
        assert said.status == 413
        found = await ask(web, "/autodiscover/autodiscover.json?Email=a@b&Protocol=AutodiscoverV1")
        assert b"https://mx.demo.test/autodiscover/autodiscover.xml" in found.body
        path = "/AutoDiscover/AutoDiscover.json/v1.0/Alice@demo.test?Protocol=Autodiscoverv1"
        assert (await ask(web, path)).body == found.body
        assert (await ask(web, "/autodiscover/autodiscover.json")).status == 400

    tell(database, data, story)


def test_autodiscover_in_clear_leads_to_the_name_that_has_a_certificate(
    database: Opener, data: Path
) -> None:
    async def story(web: Hosts, _office: Office) -> None:
        path, host = "/Autodiscover/Autodiscover.xml", "autodiscover.demo.test"
        said = await ask(web, path, host=host, scheme="http")
        assert said.status == 302
        assert said.headers["location"] == "https://mx.demo.test/autodiscover/autodiscover.xml"
        said = await ask(web, path, host=host)
        assert b"<ErrorCode>600</ErrorCode>" in said.body

    tell(database, data, story)


def test_what_dns_says_of_documents_is_true_of_those_that_are_served(
    database: Opener, data: Path
) -> None:
    async def story(web: Hosts, office: Office) -> None:
        async with DnsServer({}) as server:
            resolver = Resolver([server.address])
            rows = await table.records(office, "demo.test", resolver=resolver)
            await resolver.close()
        values = {row.use: row.value for row in rows if row.type == "TXT"}
        policy = await ask(web, "/.well-known/mta-sts.txt", host="mta-sts.demo.test")
        assert policy.headers["content-type"].startswith("text/plain")
        assert sts.parse_policy(policy.body).mx == ("mx.demo.test",)
        assert values["MTA-STS"] == f"v=STSv1; id={sts_ident(policy.body.decode())}"
        path = "/.well-known/user-agent-configuration.json"
        pacc = await ask(web, path, host="ua-auto-config.demo.test")
        digest = await asyncio.to_thread(digest_of, pacc.body)
        assert values["PACC"] == f"v=UAAC1; a=sha256; d={digest}"
        assert msgspec.json.decode(pacc.body)["protocols"] == {
            "imap": {"host": "mx.demo.test"},
            "submit": {"host": "mx.demo.test"},
            "smtp": {"host": "mx.demo.test"},
        }
        assert (await ask(web, path, host="mx.demo.test")).status == 404

    tell(database, data, story)


def test_mta_sts_can_be_switched_off(database: Opener, data: Path) -> None:
    async def story(web: Hosts, _office: Office) -> None:
        said = await ask(web, "/.well-known/mta-sts.txt", host="mta-sts.demo.test")
        assert said.status == 404

    tell(database, data, story, msgspec.structs.replace(CONFIG, tls=Tls(mta_sts="none")))


def test_what_a_domain_of_ours_has_not_is_told_from_a_domain_that_is_not_ours(
    database: Opener, data: Path
) -> None:
    unusual = msgspec.structs.replace(
        CONFIG, listen=(Listen(protocol="imaps", port=1993), HTTPS), tls=Tls(mta_sts="none")
    )

    async def story(web: Hosts, _office: Office) -> None:
        path = "/.well-known/user-agent-configuration.json"
        ours = await ask(web, path, host="ua-auto-config.demo.test")
        assert ours.status == 404
        assert b"imaps 993" in ours.body
        other = await ask(web, path, host="mx.demo.test")
        assert b"no such mail domain" in other.body
        said = await ask(web, "/.well-known/mta-sts.txt", host="mta-sts.demo.test")
        assert b"publishes no MTA-STS policy" in said.body
        said = await ask(web, "/mobileconfig?email=alice@demo.test", host="mx.demo.test")
        assert (said.status, b"submission" in said.body) == (404, True)

    tell(database, data, story, unusual)


def test_a_profile_is_signed_and_only_for_addresses_of_ours(database: Opener, data: Path) -> None:
    async def story(web: Hosts, _office: Office) -> None:
        said = await ask(web, "/mobileconfig?email=alice@demo.test", host="mx.demo.test")
        assert said.status == 200
        assert said.headers["content-type"] == "application/x-apple-aspen-config"
        assert b"alice@demo.test" in said.body
        assert (await ask(web, "/mobileconfig?email=alice")).status == 400
        assert (await ask(web, "/mobileconfig?email=a@other.test")).status == 404

    tell(database, data, story)
