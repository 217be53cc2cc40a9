"""What ``postroom demo`` starts with: a domain, its people, six letters."""

import asyncio
import contextlib
import secrets
from dataclasses import dataclass
from typing import Final

from postroom.admin import accounts, credentials, domains
from postroom.admin.office import Office
from postroom.db.ids import from_text
from postroom.errors import AlreadyExists, Refused
from postroom.message import dates
from postroom.message.compose import Attachment, Draft, Person, compose
from postroom.protocol.dots import Stuffer

DOMAIN: Final = "demo.test"
PEOPLE: Final = {"alice": "Alice Ahlberg", "bob": "Bob Brandt", "outbound": "Sent elsewhere"}
"""``outbound`` is where ``delivery.capture`` files what is for other servers."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One letter that waits in the demo; ``hours`` is how long ago it was written."""

    sender: str
    sender_name: str
    recipient: str
    subject: str
    hours: int
    text: str
    attachment: tuple[str, str, bytes] | None = None  # name, media type, octets


async def open_house(office: Office, host: str, port: int) -> dict[str, str]:
    """Everything the demo shows; the new passwords by address.

    The letters come in through the SMTP door like any other, so they have a story to trace.
    They come once: a folder that is used again keeps what is in it.
    """
    passwords = await furnish(office)
    alice = await accounts.show(office, f"alice@{DOMAIN}")
    if not (await office.store.usage(from_text(alice.id))).messages:
        await deliver(host, port, office.now())
    return passwords


async def furnish(office: Office) -> dict[str, str]:
    """The domain and its people, made when missing; new random passwords by address."""
    with contextlib.suppress(AlreadyExists):
        await domains.add(office, DOMAIN)
    passwords = {}
    for local, name in PEOPLE.items():
        address = f"{local}@{DOMAIN}"
        password = secrets.token_urlsafe(9)
        try:
            await accounts.add(
                office, address, name=name, password=password, admin=local == "alice"
            )
        except AlreadyExists:
            await credentials.set_password(office, address, password)
        passwords[address] = password
    return passwords


async def deliver(host: str, port: int, now: int) -> None:
    """Hand the samples to the SMTP door, the oldest first. Raises Refused."""
    reader, writer = await asyncio.open_connection(host, port)

    async def say(octets: bytes) -> None:
        writer.write(octets)
        line = await reader.readline()
        while line[3:4] == b"-":
            line = await reader.readline()
        if not line.startswith((b"2", b"3")):
            raise Refused(f"the demo's own letters were not taken: {line.decode().strip()}")

    try:
        await say(b"")
        await say(b"EHLO demo.test\r\n")
        for sample in sorted(SAMPLES, key=lambda one: -one.hours):
            await say(f"MAIL FROM:<{sample.sender}>\r\n".encode())
            await say(f"RCPT TO:<{sample.recipient}>\r\n".encode())
            await say(b"DATA\r\n")
            stuffer = Stuffer()
            await say(stuffer.feed(letter(sample, now)) + stuffer.finish())
        await say(b"QUIT\r\n")
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


def letter(sample: Sample, now: int) -> bytes:
    """The octets of a sample, written ``sample.hours`` before ``now`` (UTC milliseconds)."""
    name = PEOPLE.get(sample.recipient.partition("@")[0], "")
    attachments = []
    if sample.attachment is not None:
        filename, content_type, octets = sample.attachment
        attachments.append(Attachment(filename, octets, content_type))
    return compose(
        Draft(
            sender=Person(sample.sender, sample.sender_name),
            to=(Person(sample.recipient, name),),
            subject=sample.subject,
            text=sample.text,
            date=dates.write(now - sample.hours * 3_600_000),
            message_id=f"{secrets.token_hex(8)}@{sample.sender.partition('@')[2]}",
            attachments=attachments,
        )
    )


_WELCOME: Final = """\
Hello Alice,

this is your own mail server. It listens on this machine only, and nothing can leave it:
what you write to other domains is filed in the mailbox outbound@demo.test instead. The queue
tells of it, as it would if it had left:

    postroom trace outbound@demo.test

Three things to try:

  1. Add this mailbox to your mail program with the settings the terminal shows.
  2. Answer this letter, or write to bob@demo.test.
  3. Ask what happened to a letter:  postroom trace alice@demo.test

When you like what you see, README says how to run it for your own domain.

Yours,
Postroom
"""

_LUNCH: Final = """\
Alice, how about lunch on Thursday? The small place by the canal has its terrace open again.
Half past twelve, and I bring the plans.

Bob
"""

_INVOICE: Final = """\
Dear customer,

please find attached invoice 2041 for your order of two reading lamps.
The amount of 84,00 € is due within 30 days.

Kind regards
Lindqvist Möbler AB
"""

_INVOICE_FILE: Final = """\
Lindqvist Möbler AB                         Invoice 2041

2 x Reading lamp "Läsa", brass     42,00     84,00 EUR
Total                                        84,00 EUR
""".encode()

_LIST: Final = """\
Minutes of our meeting
----------------------

* The shed gets a new roof before winter; Ines asks for two offers.
* Water is turned off on the first frost.
* Wanted: somebody for the newsletter. Four pages, twice a year.

Next meeting on the first Monday of next month.
"""

_JAPANESE: Final = """\
アリスさん

先日はお世話になりました。京都の写真をまとめましたので、近いうちにお送りします。
また春にお会いできるのを楽しみにしています。

田中 美咲
"""

_TRAVEL: Final = """\
Bob,

my train gets in at 18:04 on platform 7. If it is late again I take the tram; don't wait in
the rain. The red suitcase is mine, in case you see it before you see me.

Alice
"""

SAMPLES: Final = (
    Sample(
        "postmaster@demo.test", "Postroom", "alice@demo.test", "Welcome to Postroom", 0, _WELCOME
    ),
    Sample("bob@demo.test", "Bob Brandt", "alice@demo.test", "Lunch on Thursday?", 3, _LUNCH),
    Sample(
        "orders@lindqvist.test",
        "Lindqvist Möbler AB",
        "alice@demo.test",
        "Invoice 2041 – Läslampa",
        26,
        _INVOICE,
        ("invoice-2041.txt", "text/plain", _INVOICE_FILE),
    ),
    Sample(
        "garden-bounces@lists.test",
        "Allotment garden",
        "alice@demo.test",
        "[garden] Minutes of October",
        50,
        _LIST,
    ),
    Sample("misaki@kyoto.test", "田中 美咲", "alice@demo.test", "京都の写真", 75, _JAPANESE),
    Sample("alice@demo.test", "Alice Ahlberg", "bob@demo.test", "My train on Friday", 5, _TRAVEL),
)
