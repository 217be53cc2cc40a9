"""Orders of Emails, where keys are missing; every comparator is tried in ``test_query``."""

import asyncio
from pathlib import Path

from postroom.web.jmap import order
from postroom.web.jmap.arguments import Comparator
from postroom.web.jmap.matching import Matcher
from postroom.web.jmap.outline import outline_of
from tests.access.shop import put, shop
from tests.conftest import Opener
from tests.web.jmap.followers import account_of


def test_keys_are_kept_when_they_are_many(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with shop(database, data) as store:
            letters = [f"Subject: {number:03}\r\n\r\n".encode() for number in range(60)]
            await put(store, *letters[:10])
            account = account_of(store)
            by_subject = [Comparator("subject", is_ascending=False)]

            async def kept() -> int:
                outline = await outline_of(account)
                matcher = Matcher(outline)
                found = await order.ordered(
                    account, outline, matcher, matcher.everything, by_subject
                )
                assert found == sorted(found, reverse=True)
                row = await store.db.read(lambda tx: tx.one("SELECT count(*) FROM sort_key"))
                return int(row[0]) if row else 0

            assert await kept() == 0
            await put(store, *letters[10:])
            assert await kept() == 60
            await store.db.write(
                lambda tx: tx.execute(
                    "UPDATE blob SET head = body WHERE id = (SELECT min(id) FROM blob)"
                )
            )
            assert await kept() == 60

    asyncio.run(run())


def test_what_is_damaged_or_gone_has_empty_keys(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with shop(database, data) as store:
            await put(store, b"Subject: b\r\n\r\n", b"Subject: a\r\n\r\n")
            await store.db.write(
                lambda tx: tx.execute(
                    "UPDATE blob SET head = body WHERE id = (SELECT min(id) FROM blob)"
                )
            )
            account = account_of(store)
            outline = await outline_of(account)
            matcher = Matcher(outline)
            ids = sorted(matcher.everything)
            found = await order.ordered(
                account, outline, matcher, matcher.everything, [Comparator("subject")]
            )
            assert found == ids

    asyncio.run(run())


def test_without_an_order_the_newest_come_first(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with shop(database, data) as store:
            await put(store, b"\r\na", b"\r\nb", received=5_000)
            await put(store, b"\r\nc", received=9_999)
            account = account_of(store)
            outline = await outline_of(account)
            matcher = Matcher(outline)
            found = await order.ordered(account, outline, matcher, matcher.everything, [])
            ids = sorted(matcher.everything)
            assert found == [ids[2], ids[1], ids[0]]

    asyncio.run(run())
