"""Everything that a directory can hold goes into a file and comes back.

A server is filled with the example of the documents, and what secrets there are. Each table that
stands in the file has rows then, and each of its columns something that is no default; on another
server they come to the same, row by row, and so does what that one exports.
"""

import asyncio
import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from postroom.admin import credentials, dkim, domains
from postroom.admin.apply import applying, coverage, exporting, manifest
from postroom.admin.office import Office
from postroom.db.database import Tx
from tests.admin.bureau import Story, logs_in, offices
from tests.conftest import Opener
from tests.directory.keys import quick
from tests.fakes import Clock

EXAMPLE: Final = Path(__file__).parents[3] / "docs" / "apply-example.toml"

# What a column of a table that stands in the file is left out for.
IDS: Final = {
    "id", "domain_id", "account_id", "alias_id", "relay_id", "mailbox_id", "owner_id",
    "grantee_id", "address_id",
}  # fmt: skip
TIMES: Final = {"created", "removed", "activated", "retired", "updated", "since"}
SEALED: Final = {"secret", "private_key"}  # by the keys and ids of each server
LEFT_OUT: Final = {
    "domain": {"alias_of"},  # an id
    "account": {"kind", "revision", "scram_salt", "scram_iterations"},  # by chance, or a login
    "address": {"canonical", "live"},
    "credential": {"kind", "label", "scopes", "last_used"},  # app passwords stay here
    "sending": {"began", "recipients", "stopped", "barred"},
    "forward": set[str](),
    "mask": {"uses", "last_used"},
    "spam_knowledge": {"spam", "ham", "version", "halving", "tilt"},
    "fetching": {"next_at", "last_at", "failures", "fetched", "problem"},
    "webhook": {"letters", "failures", "last_answer", "last_at"},
    "ban": {"times", "by_hand"},
    "list_member": {"added", "bounces", "bounced"},
    "relay_use": {"key"},  # of an account, its id
    "suppressing": {"entries"},
    "suppression": {"kind", "at", "until", "ledger_id", "reason"},  # of those by hand
}
SECRETS: Final = (
    "a long secret", "correct horse", "whsec_", "a token of the provider", "$argon2id$",
    "private_key", "stored_key",
)  # fmt: skip
# Columns whose only other value is not in the example, or is their default.
SAME: Final = {
    "fetching": {"is_token", "leaves"}, "relay": {"mechanism", "preset"},
    "domain": {"case_sensitive"},
    "dns_provider": {"server", "key_name", "algorithm", "authorities"},
}  # fmt: skip


def tables(tx: Tx) -> dict[str, list[str]]:
    """The columns of every table."""
    if tx.engine == "sqlite":
        found = tx.all("SELECT name FROM sqlite_schema WHERE type = 'table'")
        columns = {
            name: [row[1] for row in tx.all(f"SELECT * FROM pragma_table_info('{name}')")]
            for (name,) in found
            if not name.startswith("sqlite_")
        }
    else:
        rows = tx.all(
            "SELECT table_name, column_name FROM information_schema.columns"
            " WHERE table_schema = 'public' ORDER BY ordinal_position"
        )
        columns = {}
        for name, column in rows:
            columns.setdefault(name, []).append(column)
    return columns


def told(tx: Tx) -> dict[str, list[dict[str, Any]]]:
    """The rows of the tables in the file, without what is left out."""
    return {
        name: sorted(
            [
                dict(zip(columns, row, strict=True))
                for row in tx.all(
                    f"SELECT {', '.join(columns)} FROM {name}"
                    + (" WHERE kind <> 'app'" if name == "credential" else "")
                )
            ],
            key=repr,
        )
        for name, every in tables(tx).items()
        if name in coverage.HELD
        and (
            columns := [
                one for one in every if one not in IDS | TIMES | SEALED | LEFT_OUT.get(name, set())
            ]
        )
    }


async def text_of(office: Office, *, with_secrets: bool = True) -> str:
    return "".join([one async for one in exporting.written(office, with_secrets=with_secrets)])


async def apply(office: Office, text: str) -> applying.Applied:
    places = manifest.Places(text, "f")
    return await applying.apply(office, manifest.read(text), places=places, generate=quick)


async def filled(office: Office) -> None:
    await apply(office, EXAMPLE.read_text("utf-8"))
    await credentials.set_password(office, "bob@example.org", "long enough")
    await credentials.add_app(office, "bob@example.org", "phone", ["imap"])
    await dkim.rotate(office, "example.org")


def test_every_table_has_its_place(tell: Callable[[Story], None]) -> None:
    async def story(office: Office, _clock: Clock) -> None:
        there = set(await office.db.read(tables))
        assert there == {*coverage.HELD, *coverage.LEFT_OUT}
        assert not {*coverage.HELD} & {*coverage.LEFT_OUT}

    tell(story)


def test_the_example_fills_every_table_and_column(tell: Callable[[Story], None]) -> None:
    async def story(office: Office, _clock: Clock) -> None:
        await filled(office)
        rows = await office.db.read(told)
        assert [name for name in rows if not rows[name]] == []
        empty = {
            (name, column)
            for name, some in rows.items()
            for column in some[0]
            if all(row[column] in (None, "", 0, b"") for row in some)
        }
        assert empty == {(name, column) for name, some in SAME.items() for column in some} & empty
        assert {*coverage.HELD} - {*rows} == {"domain_admin", "suppression_sharing"}  # only ids
        assert await office.db.read(lambda tx: tx.all("SELECT * FROM domain_admin"))

    tell(story)


def test_there_and_back(database: Opener, data: Path, tmp_path: Path) -> None:
    async def story() -> None:
        clock = Clock()
        async with offices(database, data, clock)() as office:
            await filled(office)
            rows = await office.db.read(told)
            text = await text_of(office)
            plain = await text_of(office, with_secrets=False)
            assert (await apply(office, text)).steps == ()
            assert (await apply(office, plain)).steps == ()
        async with contextlib.AsyncExitStack() as closing:
            other = await closing.enter_async_context(
                offices(second(tmp_path), tmp_path / "other", clock)()
            )
            done = await apply(other, text)
            assert await text_of(other) == text
            assert await other.db.read(told) == rows
            assert await logs_in(other, "bob@example.org", "long enough")
            assert "ann@example.org and 1 more can't log in yet" in done.next[0]
            shown = await domains.show(other, "example.org")
            assert {one.state for one in shown.dkim} == {"active", "waiting"}
            for secret in SECRETS:
                assert secret in text
                assert secret not in plain

    asyncio.run(story())


def second(folder: Path) -> Opener:
    """Another server, always on SQLite."""
    from postroom.db.open import open_database

    @contextlib.asynccontextmanager
    async def opened():  # type: ignore[no-untyped-def]
        db = await open_database(folder / "other")
        try:
            yield db
        finally:
            await db.close()

    return opened
