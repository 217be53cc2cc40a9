"""``postroom status``."""

import asyncio

from postroom.admin.open import open_office
from postroom.admin.watch import status_letter
from postroom.config.load import load
from postroom.net.dns import Resolver
from postroom.post.commit import Post
from tests.cli.conftest import Shell


def test_it_tells_what_lowers_the_score_and_what_to_do(shell: Shell) -> None:
    shell.says("domain", "add", "demo.test")
    found = shell.json("status")
    assert [one["about"] for one in found["health"]["lacks"]] == ["server", "backup", "owner"]
    assert found["health"]["score"] == 25
    said = shell.says("status")
    assert said.startswith("health: 25 of 100\n  -60  the server does not run\n")
    assert "systemctl start postroom" in said
    assert "queue           0 waiting, 0 held\n" in said
    assert "here            1 domain, 0 accounts, 0 aliases\n" in said


def test_the_letter_is_printed_before_it_is_sent(shell: Shell) -> None:
    with shell.config.open("a") as settings:
        settings.write('[dns]\nservers = ["127.0.0.1:9"]\npublic_addresses = ["192.0.2.1"]\n')
    assert shell.says("status", "--letter").startswith("nothing was noted yet")
    assert shell.json("status", "--letter") is None
    looked(shell)
    assert shell.says("status", "--letter").startswith("nothing has changed since")
    shell.says("domain", "add", "demo.test")
    shell.says("account", "add", "bob@demo.test", "--password-stdin", typed="long enough\n")
    said = shell.says("status", "--letter")
    assert said.startswith("Subject: mx.demo.test: changes in Administration")
    assert "domains added: 1 (demo.test)\naccounts added: 1 (bob@demo.test)\n" in said
    assert shell.json("status", "--letter")["matters"]


def looked(shell: Shell) -> None:
    """The server has taken its first look."""

    async def look() -> None:
        config = load(shell.config)
        resolver = Resolver(config.dns.servers)
        async with open_office(config) as office:
            post = Post(office.db, office.blobs, office.notify, office.clock)
            await status_letter.send(office, post, resolver)
        await resolver.close()

    asyncio.run(look())
