import asyncio

import msgspec
import pytest

from postroom.db.database import Tx
from postroom.directory import dns_providers as rows
from postroom.directory.dns_providers import DnsProvider
from postroom.errors import AlreadyExists, NotFound
from tests.conftest import Opener

ONE = DnsProvider(
    name="one", kind="rfc2136", zones=("demo.test", "a.test"), server="ns.test:53", key_name="k",
    algorithm="hmac-sha256", authorities="", created=5, secret=b"\x01sealed",
)  # fmt: skip
TWO = DnsProvider(name="two", kind="desec", zones=("sub.demo.test",), secret=b"\x02", created=6)


def test_providers_are_added_found_by_the_closest_zone_and_removed(database: Opener) -> None:
    def story(tx: Tx) -> None:
        assert rows.listing(tx) == []
        assert rows.keeping(tx, "demo.test") is None
        rows.add(tx, TWO)
        rows.add(tx, ONE)
        assert rows.listing(tx) == [ONE, TWO]
        assert rows.keeping(tx, "demo.test") == (ONE, "demo.test")
        assert rows.keeping(tx, "x.y.demo.test") == (ONE, "demo.test")
        assert rows.keeping(tx, "mx.sub.demo.test") == (TWO, "sub.demo.test")
        assert rows.keeping(tx, "xdemo.test") is None
        for taken in (
            msgspec.structs.replace(TWO, zones=("other.test",)),
            msgspec.structs.replace(TWO, name="three", zones=("other.test", "a.test")),
        ):
            with pytest.raises(AlreadyExists):
                rows.add(tx, taken)
        rows.remove(tx, "one")
        assert rows.keeping(tx, "demo.test") is None
        with pytest.raises(NotFound, match="no DNS provider one"):
            rows.remove(tx, "one")

    async def inside() -> None:
        async with database() as db:
            await db.write(story)

    asyncio.run(inside())


def test_a_secret_does_not_show() -> None:
    assert "sealed" not in repr(ONE)
    assert rows.context("one") != rows.context("two")
