"""What acceptance would say of a client, and what filters say of a message."""

import dataclasses
from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec

from postroom.admin.office import Office
from postroom.admin.trials import explain
from postroom.admin.trials.explain import Explanation, Welcome
from postroom.admin.trials.reception import Opinion
from postroom.config.connections import Connections, Dnsbl
from postroom.config.filters import Filter
from tests.admin.trials.test_explain import office
from tests.conftest import Opener
from tests.intake.desk import LARGE, LETTER, Desk, desk
from tests.intake.strangers import ADDRESS, DBL, GOOD, LISTED, NAMED, REFUSING, ZEN
from tests.loop import patiently
from tests.policy.filters.fakes import VIRUS, Clamd, answering, listening, written
from tests.policy.zone import Zone

BAD_HELO = msgspec.structs.replace(Connections(), helo="refuse")


def with_settings(
    here: Desk,
    *lists: Dnsbl,
    filters: tuple[Filter, ...] = (),
    connections: Connections | None = None,
) -> Office:
    whole = office(here)
    config = msgspec.structs.replace(
        whole.config, dnsbl=lists, filter=filters, connections=connections or Connections()
    )
    return dataclasses.replace(whole, config=config)


def tell(
    database: Opener,
    data: Path,
    story: Callable[[Desk, Path], Awaitable[None]],
    octets: bytes = LETTER,
) -> None:
    path = data / "letter.eml"
    path.write_bytes(octets)

    async def run() -> None:
        async with desk(database, data) as here:
            await story(here, path)

    patiently(run())


async def explained(
    who: Office, path: Path, zone: Zone, helo: str = "mx.client.example", address: str = ADDRESS
) -> Explanation:
    return await explain.file(who, path, zone, address=address, helo=helo, sender="ann@a.test")


def marks(found: Explanation) -> tuple[str, ...]:
    assert found.client is not None
    return found.client.marks


def test_a_client_with_nothing_against_it(database: Opener, data: Path) -> None:
    async def story(here: Desk, path: Path) -> None:
        found = await explained(with_settings(here), path, Zone({**NAMED}))
        assert found.client is not None
        assert (found.client.score, found.client.marks, found.client.reply) == (0, (), "")
        assert ("PTR", "34.216.184.93.in-addr.arpa") in {
            (one.type, one.name) for one in found.client.questions
        }
        assert not [one for one in found.verdicts if one.startswith("connection")]

    tell(database, data, story)


def test_lists_and_names_count_as_at_the_door(database: Opener, data: Path) -> None:
    async def story(here: Desk, path: Path) -> None:
        zone = Zone({**NAMED, **LISTED, ("a.test.dbl.test", "A"): ("127.0.1.2",)})
        found = await explained(with_settings(here, ZEN, DBL, GOOD), path, zone)
        assert found.client is not None
        assert found.client.score == 5
        assert set(found.client.marks) == {
            f"{ADDRESS} is listed in bl.test: 127.0.0.2 (+3)",
            "a.test is listed in dbl.test: 127.0.1.2 (+2)",
        }
        assert found.client.reply == ""
        (verdict,) = [one for one in found.verdicts if one.startswith("connection: ")]
        assert f"{ADDRESS} is listed in bl.test" in verdict
        refused = await explained(with_settings(here, REFUSING), path, zone)
        assert refused.client is not None
        assert refused.client.reply == f"550 5.7.1 {ADDRESS} is listed in bl.test: 127.0.0.2"

    tell(database, data, story)


def test_what_it_calls_itself(database: Opener, data: Path) -> None:
    async def story(here: Desk, path: Path) -> None:
        whole = with_settings(here)
        found = await explained(whole, path, Zone({}), helo="mx.local.test")
        assert "HELO mx.local.test is our own name (+4)" in marks(found)
        assert "its address has no name (+1)" in marks(found)
        refused = await explained(
            with_settings(here, connections=BAD_HELO), path, Zone({}), helo="mx.local.test"
        )
        assert refused.client is not None
        assert refused.client.reply.startswith("550 5.7.1 HELO mx.local.test is our own name")

    tell(database, data, story)


def test_a_first_contact_is_put_off_and_not_remembered(database: Opener, data: Path) -> None:
    async def story(here: Desk, path: Path) -> None:
        careful = msgspec.structs.replace(Connections(), greylist=True, greylist_score=3)
        whole = with_settings(here, ZEN, connections=careful)
        before = await here.counts()
        for _ in range(2):
            found = await explained(whole, path, Zone({**NAMED, **LISTED}))
            assert found.client is not None
            assert found.client.reply.startswith("45")
            assert "greylisted" in found.client.reply
        assert await here.counts() == before

    tell(database, data, story)


def test_who_is_let_alone(database: Opener, data: Path) -> None:
    async def story(here: Desk, path: Path) -> None:
        exempt = msgspec.structs.replace(Connections(), exempt=("93.184.216.0/24",))
        zone = Zone({**LISTED})
        found = await explained(with_settings(here, REFUSING, connections=exempt), path, zone)
        assert found.client == Welcome(0, (), "", ())
        unknown = await explain.file(with_settings(here, ZEN), path, zone)
        assert unknown.client is None
        nobody = await explain.file(
            with_settings(here, DBL), path, zone, address=ADDRESS, sender="MAILER-DAEMON"
        )
        assert marks(nobody) == ("its address has no name (+1)",)

    tell(database, data, story)


def test_filters_judge_the_whole_message(database: Opener, data: Path) -> None:
    octets = LARGE + VIRUS + b"\r\n"

    async def story(here: Desk, path: Path) -> None:
        clamd = Clamd()
        async with listening(clamd) as place, listening(answering(b"")) as dumb:
            filters = (
                Filter(kind="clamav", address=written(place)),
                Filter(kind="spamassassin", address=written(dumb), on_failure="defer"),
                Filter(kind="milter", name="signer", address=written(dumb)),
                Filter(kind="clamav", name="out", address=written(dumb), sees="outgoing"),
            )
            whole = with_settings(here, filters=filters)
            found = await explain.file(
                whole, path, Zone({}), address=ADDRESS, helo="x.test", sender="", filters=True
            )
            assert clamd.seen == [octets]
            virus, spam, milter = found.filters
            assert (virus.filter, virus.action) == ("clamav", "refuse")
            assert virus.reason.endswith("was found")
            assert 0 < virus.seconds < 60
            assert (spam.filter, spam.action) == ("spamassassin", "defer")
            assert spam.reason.startswith("failed: ")
            assert milter == Opinion(
                "signer", "", "not asked: a milter hears of whole sessions, not of single messages",
                0.0, 0.0,
            )  # fmt: skip
            without = await explained(whole, path, Zone({}))
            assert without.filters == ()

    tell(database, data, story, octets)
