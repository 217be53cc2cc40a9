"""Every operation that changes something is in the audit log, and no secret is."""

import ast
import inspect
from collections.abc import Callable
from pathlib import Path

import pytest

from postroom import admin
from postroom.admin import accounts, aliases, audit, bans, credentials, dkim, domains, queue, roles
from postroom.admin.actor import Actor, acting
from postroom.admin.audit import AuditView
from postroom.admin.filters import vacations
from postroom.admin.office import Office
from postroom.admin.outgoing import relays
from postroom.admin.outgoing.relays import UseView, Wanted
from postroom.admin.recording import recorded
from postroom.directory.vacations import Vacation
from postroom.errors import AlreadyExists
from tests.admin.bureau import Story
from tests.directory.keys import quick
from tests.fakes import Clock

BOB = "bob@demo.test"
SECRET = "s3cret-and-long"
Tell = Callable[[Story], None]

BY_ITSELF = {
    # what the server does by itself, or what a login does
    "accounts.purge_removed", "alerting.tell", "api_tokens.known", "audit.purge", "suppression.purge",
    "certificates.see_to_all",
    "dkim.activate", "dkim.ensure_keys", "dkim.make_missing", "dkim.purge",
    "dkim.show", "dns_states.note", "hijacking.learned", "hijacking.look", "key_change.is_due",
    "own_listings.look", "own_listings.look_if_due", "reporting.run", "reporting.send_due", "second_factor.verify",
    "status_letter.send", "status_letter.send_if_due",
    "webhook_calls.test",  # keeps the call among those that were made
}  # fmt: skip


async def log(office: Office) -> list[AuditView]:
    return [one async for one in audit.every(office)]


def test_an_operation_leaves_an_entry(tell: Tell) -> None:
    async def story(office: Office, clock: Clock) -> None:
        with acting(Actor("person", "ann@demo.test", "192.0.2.1")):
            await domains.add(office, "Demo.test", generate=quick)
        await accounts.add(office, BOB, password=SECRET, quota=5, name="Bob")
        first, second = (await log(office))[::-1]
        assert (first.actor_kind, first.actor, first.origin) == (
            "person", "ann@demo.test", "192.0.2.1",
        )  # fmt: skip
        assert (first.action, first.object, first.detail) == ("domain.add", "demo.test", {})
        assert (second.actor_kind, second.actor) == ("server", "")
        assert (second.action, second.object) == ("account.add", BOB)
        assert second.detail == {"name": "Bob", "quota": 5}

    tell(story)


def test_what_was_refused_leaves_none(tell: Tell) -> None:
    async def story(office: Office, clock: Clock) -> None:
        await domains.add(office, "demo.test", generate=quick)
        await accounts.add(office, BOB, password=SECRET)
        before = await log(office)
        with pytest.raises(AlreadyExists):
            await accounts.add(office, BOB, password=SECRET)
        await accounts.show(office, BOB)
        assert await log(office) == before

    tell(story)


def test_an_operation_within_another_is_part_of_it(tell: Tell) -> None:
    async def story(office: Office, clock: Clock) -> None:
        await domains.add(office, "demo.test", generate=quick)
        await accounts.add(office, BOB, password=SECRET)

        @recorded("both", "address")
        async def both(office: Office, address: str) -> None:
            await accounts.change(office, address, quota=1)
            await accounts.change(office, address, quota=2)

        await both(office, BOB)
        assert [one.action for one in await log(office)] == ["both", "account.add", "domain.add"]

    tell(story)


def test_secrets_never_stand_in_it(tell: Tell) -> None:
    async def story(office: Office, clock: Clock) -> None:
        await domains.add(office, "demo.test", generate=quick)
        await accounts.add(office, BOB, password=SECRET)
        await credentials.set_password(office, BOB, SECRET)
        app = await credentials.add_app(office, BOB, "phone", ["imap"])
        wanted = Wanted(host="127.0.0.1", port=9, tls="none", login="me", password=SECRET)
        await relays.add(office, "office", wanted, [UseView("default")])
        await vacations.change(office, BOB, Vacation("Away to the sea."))
        await roles.assign(office, BOB, "owner")
        await bans.add(office, "192.0.2.7", reason="rude")
        await aliases.add(office, "all@demo.test", [BOB])
        await dkim.rotate(office, "demo.test")
        rows = await office.db.read(lambda tx: tx.all("SELECT * FROM audit"))
        assert len(rows) == 10
        for secret in (SECRET, app, app.replace("-", ""), "sea"):
            assert secret not in str(rows)
        (relay,) = [one for one in await log(office) if one.action == "relay.add"]
        assert relay.detail["wanted"] == {
            "host": "127.0.0.1", "port": 9, "tls": "none", "login": "me", "is_token": False,
        }  # fmt: skip
        assert relay.detail["uses"] == [{"kind": "default"}]

    tell(story)


def test_what_is_chosen_is_told_in_words(tell: Tell) -> None:
    async def story(office: Office, clock: Clock) -> None:
        @recorded("try", "chosen")
        async def attempt(office: Office, chosen: object) -> None:
            await office.db.write(lambda tx: tx.execute("DELETE FROM ban"))

        await attempt(office, queue.choose(destination="Far.test"))
        await attempt(office, queue.choose(all_=True))
        await attempt(office, ["a", "b"])
        await attempt(office, "x\0" * 500)
        said = [one.object for one in await log(office)][::-1]
        assert said[:3] == ["destination far.test", "all", "a, b"]
        assert len(said[3]) <= 200

    tell(story)


def test_a_wrong_mark_is_found_at_once() -> None:
    async def operation(office: Office, address: str) -> None:
        """Nothing."""

    with pytest.raises(TypeError, match="name is no parameter"):
        recorded("x", "address", "name")(operation)


def writers(path: Path) -> set[str]:
    """The public operations of a module that write, themselves or through one of its helpers."""
    functions = {
        node.name: node
        for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.AsyncFunctionDef)
    }
    writing = {
        name
        for name, node in functions.items()
        if {"change", "write", "write_bulk"}
        & {
            one.func.attr
            for one in ast.walk(node)
            if isinstance(one, ast.Call)
            and isinstance(one.func, ast.Attribute)
            and ast.unparse(one.func.value) in {"office.directory", "office.db", "office.store"}
        }
    }
    for _ in functions:
        writing |= {
            name
            for name, node in functions.items()
            if {one.id for one in ast.walk(node) if isinstance(one, ast.Name)} & writing
        }
    return {name for name in writing if not name.startswith("_")}


def test_every_operation_that_writes_is_marked() -> None:
    folder = Path(inspect.getfile(admin)).parent
    unmarked = {
        f"{path.stem}.{name}"
        for path in folder.glob("*.py")
        for name in writers(path)
        if "@recorded(" not in path.read_text().partition(f"async def {name}(")[0][-200:]
    }
    assert unmarked - BY_ITSELF == set()
