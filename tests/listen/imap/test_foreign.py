"""Nobody sees an octet of somebody else's without the right: random grants, random commands."""

import random
from pathlib import Path

import pytest

from tests.conftest import Opener
from tests.listen.imap.house import Client, House, at_home

BOXES = ("Box1", "Box2", "Box3")
ROOT = "Other Users/alice@demo.test"
STEPS = 120


async def heard(client: Client, command: str) -> bytes:
    """All that a command brings in, until its end or that of the connection."""
    await client.say(f"zz {command}\r\n".encode())
    lines: list[bytes] = []
    while line := await client.line():
        lines.append(line)
        if line.startswith(b"zz "):
            break
    return b"".join(lines)


@pytest.mark.parametrize("seed", range(3))
def test_no_foreign_octet_without_the_right(database: Opener, data: Path, seed: int) -> None:
    chance = random.Random(seed)

    async def main(home: House) -> None:
        alice = await home.alice()
        for box in BOXES:
            await alice.ok(b"CREATE " + box.encode())
            await alice.append(b"Subject: s\r\n\r\nsecret of %s\r\n" % box.encode(), box.encode())
        ids = {box: (await home.store.read(_id, box)) for box in BOXES}
        bob = await home.person("bob")
        seen = 0
        for _ in range(STEPS):
            if chance.random() < 0.4:
                letters = "".join(chance.sample("lrswite", chance.randint(0, 7)))
                box = chance.choice(("", *BOXES))
                to = chance.choice(("bob@demo.test", "team@demo.test", "anyone"))
                await home.share("alice", box, to, letters)
                continue
            box = chance.choice(BOXES)
            command = chance.choice(
                (
                    f'SELECT "{ROOT}/{box}"',
                    f'EXAMINE "{ROOT}/{box}"',
                    "FETCH 1 BODY.PEEK[]",
                    "UID FETCH 1:* (FLAGS ENVELOPE BODY.PEEK[TEXT])",
                    'SEARCH TEXT "secret"',
                    f'STATUS "{ROOT}/{box}" (MESSAGES)',
                    'LIST "" "Other*" RETURN (STATUS (MESSAGES))',
                    "STORE 1 +FLAGS (\\Seen)",
                )
            )
            octets = await heard(bob, command)
            reach = await home.directory.reach(2)
            for name, ident in ids.items():
                rights = reach.rights(1, ident)
                if b"secret of %s" % name.encode() in octets:
                    seen += 1
                    assert "r" in rights, command
                if command.startswith("LIST") and name.encode() in octets:
                    assert "l" in rights
            if b"* BYE" in octets:
                bob = await home.person("bob")
        assert seen  # it was not for want of asking

    def _id(tx: object, box: str) -> int:
        return int(tx.one("SELECT id FROM mailbox WHERE name = :name", name=box)[0])  # type: ignore[attr-defined]

    at_home(data, main, database=database)
