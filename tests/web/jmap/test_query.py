"""Email/query and Email/queryChanges against a plain reference: every filter, every order."""

import random
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest

from postroom.access.indexer import Indexer
from postroom.access.view import FlagChange
from postroom.admin import shares
from postroom.web.jmap import query, searching
from tests.admin.test_reach import number
from tests.conftest import Opener
from tests.web.jmap.client import ALICE, BOB, Client, tell
from tests.web.jmap.mail import boxes, file
from tests.web.jmap.test_mailboxes import view_of

BITS = {"$seen": 1, "$answered": 2, "$flagged": 4, "$draft": 16}


class Mail(msgspec.Struct):
    """A message, in plain words."""

    ident: int
    author: str
    to: str
    subject: str
    body: str
    sent: int  # day of a month
    received: int
    box: str
    root: str
    keywords: frozenset[str]
    has_file: bool
    id: str = ""
    copy: str = ""  # another mailbox that it is in

    def letter(self) -> bytes:
        head = (
            f"From: {self.author}\r\nTo: {self.to}\r\nCc: cc@x.test\r\nSubject: {self.subject}\r\n"
            f"Date: {self.sent} Jun 2026 10:00:00 +0000\r\nX-Tag: tag{self.ident % 3}\r\n"
            f"Message-ID: <{self.ident}@x.test>\r\nReferences: <{self.root}@x.test>\r\n"
        )
        if not self.has_file:
            return f"{head}\r\n{self.body}\r\n".encode()
        return (
            f"{head}Content-Type: multipart/mixed; boundary=a\r\n\r\n--a\r\n\r\n{self.body}\r\n"
            f'--a\r\nContent-Type: x/pdf; name="f.pdf"\r\n\r\nsecretinside\r\n--a--\r\n'
        ).encode()

    @property
    def size(self) -> int:
        return len(self.letter())


def mails(seed: int = 7, count: int = 14) -> list[Mail]:
    chance = random.Random(seed)
    return [
        Mail(
            ident,
            chance.choice(["Ann <ann@x.test>", "bea@y.test", "Zoë <zoe@x.test>"]),
            chance.choice(["bob@demo.test", "Carl <c@x.test>"]),
            chance.choice(["Re: Apples", "apples", "Pears and apples", "Größe", "z"]),
            chance.choice(["green apples", "a blue \r\npear", "nothing", "GRÜN"]),
            chance.randint(1, 28),
            1_700_000_000_000 + 1000 * chance.randint(0, 9) + chance.randint(0, 999),
            chance.choice(["INBOX", "INBOX", "Archive"]),
            f"root{chance.randint(1, 5)}",
            frozenset(
                chance.sample(["$seen", "$flagged", "$draft", "work", "play"], chance.randint(0, 3))
            ),
            chance.random() < 0.3,
        )
        for ident in range(1, count + 1)
    ]


async def furnish(client: Client) -> list[Mail]:
    """File the mails; one of them is in two mailboxes."""
    found = mails()
    for one in found:
        (one.id,) = await file(
            client, one.letter(), mailbox=one.box,
            flags=sum(BITS[word] for word in one.keywords if word in BITS),
            keywords=" ".join(sorted(one.keywords - BITS.keys())), received=one.received,
        )  # fmt: skip
    view = await view_of(client.office, "INBOX")
    await view.copy([(1, 1)], (await view_of(client.office, "Trash")).place)
    next(one for one in found if one.box == "INBOX").copy = "Trash"
    await file(client, b"Subject: apples hidden\r\n\r\ngreen", flags=8)
    return found


Test = Callable[[Mail], bool]


def reference(given: Any, everything: list[Mail], ids: Mapping[str, str]) -> Test:
    """The filter, in plain words."""
    if given is None:
        return lambda _one: True
    if "operator" in given:
        parts = [reference(part, everything, ids) for part in given["conditions"]]
        return {
            "AND": lambda one: all(part(one) for part in parts),
            "OR": lambda one: any(part(one) for part in parts),
            "NOT": lambda one: not any(part(one) for part in parts),
        }[given["operator"]]
    tests = [plain(name, value, everything, ids) for name, value in given.items()]
    return lambda one: all(test(one) for test in tests)


def plain(name: str, value: Any, everything: list[Mail], ids: Mapping[str, str]) -> Test:
    def inside(one: Mail) -> set[str]:
        return {ids["Inbox" if box == "INBOX" else box] for box in (one.box, one.copy) if box}

    def thread(one: Mail) -> list[Mail]:
        return [other for other in everything if other.root == one.root]

    def has(text: str, *wholes: str) -> bool:
        flat = [whole.casefold() for whole in wholes]
        return all(any(word in whole for whole in flat) for word in text.casefold().split())

    second = 1_700_000_000_000
    tests: dict[str, Test] = {
        "inMailbox": lambda one: value in inside(one),
        "inMailboxOtherThan": lambda one: bool(inside(one) - set(value)),
        "before": lambda one: (one.received - second) // 1000 < int(value[-3:-1]) - 20,
        "after": lambda one: (one.received - second) // 1000 >= int(value[-3:-1]) - 20,
        "minSize": lambda one: one.size >= value,
        "maxSize": lambda one: one.size < value,
        "hasKeyword": lambda one: value.lower() in one.keywords,
        "notKeyword": lambda one: value.lower() not in one.keywords,
        "allInThreadHaveKeyword": lambda one: all(value in other.keywords for other in thread(one)),
        "someInThreadHaveKeyword": lambda one: any(
            value in other.keywords for other in thread(one)
        ),
        "noneInThreadHaveKeyword": lambda one: (
            not any(value in other.keywords for other in thread(one))
        ),
        "hasAttachment": lambda one: one.has_file is value,
        "from": lambda one: has(value, one.author),
        "to": lambda one: has(value, one.to),
        "cc": lambda _one: has(value, "cc@x.test"),
        "bcc": lambda _one: False,
        "subject": lambda one: has(value, one.subject),
        "body": lambda one: has(value, one.body),
        "text": lambda one: has(value, one.author, one.to, one.subject, one.body),
        "header": lambda one: (
            value[0].lower() == "x-tag"
            and (len(value) == 1 or value[1].lower() in f"tag{one.ident % 3}")
        ),
    }
    return tests[name]


FILTERS: list[Any] = [
    None,
    {},
    {"inMailbox": "Inbox"},
    {"inMailbox": "nowhere"},
    {"inMailboxOtherThan": ["Inbox"]},
    {"inMailboxOtherThan": ["Inbox", "Trash", "Archive"]},
    {"before": "2023-11-14T22:13:25Z"},
    {"after": "2023-11-14T22:13:25Z"},
    {"after": "2023-11-14T22:13:23Z", "before": "2023-11-14T22:13:26Z"},
    {"minSize": 260},
    {"maxSize": 260},
    {"hasKeyword": "$seen"},
    {"hasKeyword": "WORK"},
    {"notKeyword": "$flagged"},
    {"notKeyword": "play", "inMailbox": "Inbox"},
    {"allInThreadHaveKeyword": "$seen"},
    {"someInThreadHaveKeyword": "work"},
    {"noneInThreadHaveKeyword": "$draft"},
    {"hasAttachment": True},
    {"hasAttachment": False, "hasKeyword": "$seen"},
    {"from": "ann"},
    {"from": "ZOË x.test"},
    {"to": "carl"},
    {"cc": "CC@"},
    {"bcc": "c"},
    {"subject": "apples"},
    {"subject": "größe"},
    {"subject": "apples pears"},
    {"body": "green"},
    {"body": "grün"},
    {"body": "secretinside"},
    {"text": "apples"},
    {"text": "ann apples"},
    {"text": ""},
    {"header": ["X-Tag"]},
    {"header": ["x-tag", "TAG1"]},
    {"header": ["x-none"]},
    {"operator": "NOT", "conditions": [{"subject": "apples"}, {"body": "pear"}]},
    {"operator": "OR", "conditions": [{"text": "grün"}, {"hasAttachment": True}]},
    {
        "operator": "AND",
        "conditions": [
            {"operator": "NOT", "conditions": [{"hasKeyword": "$seen"}]},
            {"operator": "OR", "conditions": [{"body": "nothing"}, {"from": "bea"}]},
            {"inMailbox": "Inbox"},
        ],
    },
    {"operator": "AND", "conditions": []},
    {"operator": "OR", "conditions": []},
    {"operator": "NOT", "conditions": []},
]


def with_ids(given: Any, ids: Mapping[str, str]) -> Any:
    """The same with the ids of mailboxes in place of their names."""
    if isinstance(given, dict):
        return {
            key: ids.get(value, "F99")
            if key == "inMailbox"
            else [ids[name] for name in value]
            if key == "inMailboxOtherThan"
            else with_ids(value, ids)
            for key, value in given.items()
        }
    return [with_ids(one, ids) for one in given] if isinstance(given, list) else given


@pytest.mark.parametrize("state", ["indexed", "half", "not indexed"])
def test_filters(database: Opener, data: Path, state: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if state == "half":
        monkeypatch.setattr(searching, "PAGE", 3)
        monkeypatch.setattr(searching, "FEW", 4)
        monkeypatch.setattr(searching, "MOST_READ", 700)

    async def story(client: Client) -> None:
        everything = await furnish(client)
        alice = await number(client.office, ALICE)
        if state != "not indexed":
            await Indexer(client.office.store, 1 << 20).everything(alice)
        if state == "half":
            late = Mail(
                99, "Ann <a@x>", "b@x", "apples", "green", 1, 1, "INBOX", "r", frozenset(), False
            )
            (late.id,) = await file(client, late.letter(), received=late.received)
            everything.append(late)
        ids = await boxes(client)
        for template in FILTERS:
            given = with_ids(template, ids)
            test = reference(given, everything, ids)
            found = await client.call("Email/query", filter=given, calculateTotal=True)
            expected = {one.id for one in everything if test(one)}
            assert set(found["ids"]) == expected, template
            assert found["total"] == len(expected) == len(found["ids"])
            received = {one.id: one.received // 1000 for one in everything}
            order = [received[ident] for ident in found["ids"]]
            assert order == sorted(order, reverse=True)

    tell(database, data, story)


def key_of(name: str, everything: list[Mail], keyword: str = "") -> Callable[[Mail], Any]:
    def thread(one: Mail) -> list[bool]:
        return [keyword in other.keywords for other in everything if other.root == one.root]

    def shown(text: str) -> str:
        name, _, address = text.rpartition(" <")
        return (name or address).upper().replace("Ë", "E\u0308")

    keys: dict[str, Callable[[Mail], Any]] = {
        "receivedAt": lambda one: one.received // 1000,
        "sentAt": lambda one: one.sent,
        "size": lambda one: one.size,
        "from": lambda one: shown(one.author),
        "to": lambda one: shown(one.to),
        "subject": lambda one: one.subject.removeprefix("Re: ").upper(),
        "hasKeyword": lambda one: keyword in one.keywords,
        "allInThreadHaveKeyword": lambda one: all(thread(one)),
        "someInThreadHaveKeyword": lambda one: any(thread(one)),
    }
    return keys[name]


@pytest.mark.parametrize("few", [0, 50])
def test_orders(database: Opener, data: Path, few: int, monkeypatch: pytest.MonkeyPatch) -> None:
    from postroom.store import sort_keys as kept
    from postroom.web.jmap import order

    monkeypatch.setattr(order, "FEW", few)
    monkeypatch.setattr(kept, "MOST", 5)
    monkeypatch.setattr(kept, "MOST_READ", 4)

    async def story(client: Client) -> None:
        everything = await furnish(client)
        by_id = {one.id: one for one in everything}
        whole = [one for one in everything if one.root == everything[0].root]
        assert len(whole) > 1
        await client.call("Email/set", update={one.id: {"keywords/work": True} for one in whole})
        for one in whole:
            one.keywords |= {"work"}
        for name in ("receivedAt", "sentAt", "size", "from", "to", "subject"):
            for ascending in (True, False):
                sort = [
                    {"property": name, "isAscending": ascending},
                    {"property": "size", "isAscending": not ascending},
                ]
                found = await client.call("Email/query", sort=sort)
                key, size = key_of(name, everything), key_of("size", everything)
                order = [(key(by_id[one]), size(by_id[one])) for one in found["ids"]]
                expected = sorted(order, key=lambda pair: pair[1], reverse=ascending)
                expected.sort(key=lambda pair: pair[0], reverse=not ascending)
                assert order == expected, (name, ascending)
        for name in ("hasKeyword", "allInThreadHaveKeyword", "someInThreadHaveKeyword"):
            for keyword in ("$seen", "work"):
                sort_by = {"property": name, "keyword": keyword.upper(), "isAscending": False}
                found = await client.call("Email/query", sort=[sort_by])
                key = key_of(name, everything, keyword)
                values = [key(by_id[one]) for one in found["ids"]]
                assert values == sorted(values, reverse=True), name
                assert False in values
                assert (True in values) == ((name, keyword) != ("allInThreadHaveKeyword", "$seen"))

    tell(database, data, story)


def test_windows_and_collapsed_threads(database: Opener, data: Path) -> None:
    async def story(client: Client) -> None:
        everything = await furnish(client)
        sort = [{"property": "size"}, {"property": "sentAt"}, {"property": "subject"}]
        whole = (await client.call("Email/query", sort=sort))["ids"]
        assert len(whole) == len(everything)
        found = await client.call("Email/query", sort=sort, position=3, limit=4)
        assert (found["ids"], found["position"]) == (whole[3:7], 3)
        assert "limit" not in found
        found = await client.call("Email/query", sort=sort, position=-2)
        assert (found["ids"], found["position"]) == (whole[-2:], len(whole) - 2)
        found = await client.call(
            "Email/query", sort=sort, anchor=whole[5], anchorOffset=-2, limit=2, position=9
        )
        assert (found["ids"], found["position"]) == (whole[3:5], 3)
        error = await client.fails("Email/query", sort=sort, anchor="M1")
        assert error["type"] == "anchorNotFound"
        found = await client.call("Email/query", sort=sort, position=99, calculateTotal=True)
        assert (found["ids"], found["total"]) == ([], len(whole))
        roots = {one.id: one.root for one in everything}
        first = list({roots[one]: one for one in reversed(whole)}.values())
        found = await client.call("Email/query", sort=sort, collapseThreads=True)
        assert set(found["ids"]) == set(first)
        assert found["ids"] == [one for one in whole if one in first]

    tell(database, data, story)


def test_no_more_than_so_many(
    database: Opener, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(query, "MOST", 3)

    async def story(client: Client) -> None:
        await furnish(client)
        found = await client.call("Email/query")
        assert (len(found["ids"]), found["limit"]) == (3, 3)
        assert "limit" not in await client.call("Email/query", limit=2)

    tell(database, data, story)


CHANGING: list[Any] = [
    {},
    {"filter": {"inMailbox": "Inbox"}, "collapseThreads": True},
    {"filter": {"hasKeyword": "$seen"}, "sort": [{"property": "size"}]},
    {"filter": {"someInThreadHaveKeyword": "$flagged"}},
    {"sort": [{"property": "allInThreadHaveKeyword", "keyword": "$seen"}, {"property": "size"}]},
    {"filter": {"operator": "NOT", "conditions": [{"inMailbox": "Archive"}]}},
]


def test_results_are_followed(database: Opener, data: Path) -> None:
    async def story(client: Client) -> None:
        await furnish(client)
        ids = await boxes(client)
        asked = [{**one, "filter": with_ids(one.get("filter"), ids)} for one in CHANGING]
        known = [await client.call("Email/query", one) for one in asked]
        results = [list(one["ids"]) for one in known]
        states = [one["queryState"] for one in known]
        chance = random.Random(3)
        for step in range(8):
            await change(client, step, chance)
            for at, one in enumerate(asked):
                told = await client.call(
                    "Email/queryChanges", one, sinceQueryState=states[at], calculateTotal=True
                )
                left = [ident for ident in results[at] if ident not in told["removed"]]
                for added in told["added"]:
                    left.insert(added["index"], added["id"])
                whole = await client.call("Email/query", one, calculateTotal=True)
                assert left == whole["ids"], (step, one)
                assert told["total"] == whole["total"]
                results[at], states[at] = left, told["newQueryState"]
                assert states[at] == whole["queryState"]
        error = await client.fails(
            "Email/queryChanges", sinceQueryState=known[0]["queryState"], maxChanges=1
        )
        assert error["type"] == "tooManyChanges"
        error = await client.fails("Email/queryChanges", sinceQueryState="x")
        assert error["type"] == "cannotCalculateChanges"

    tell(database, data, story)


async def change(client: Client, step: int, chance: random.Random) -> None:
    """Something happens to a few messages."""
    view = await view_of(client.office, chance.choice(["INBOX", "INBOX", "Archive"]))
    uids = chance.sample(list(view.numbering.uids), 2)
    ranges = [(uid, uid) for uid in sorted(uids)]
    if step % 4 == 0:
        one = mails(step + 100, 1)[0]
        await file(client, one.letter(), received=one.received)
    elif step % 4 == 1:
        action = chance.choice(["add", "remove"])
        await view.store(ranges, FlagChange(action, chance.choice([1, 4, 8])))  # type: ignore[arg-type]
    elif step % 4 == 2:
        await view.move(ranges, (await view_of(client.office, "Trash")).place)
    else:
        await view.store(ranges, FlagChange("add", 8))
        await view.expunge(None)


def test_a_member_finds_what_is_shared(database: Opener, data: Path) -> None:
    async def story(client: Client) -> None:
        everything = await furnish(client)
        await shares.add(client.office, f"{ALICE}/INBOX", BOB, "read")
        bob = await client.another(BOB)
        found = await bob.call("Email/query", accountId=client.account, filter={"text": "apples"})
        expected = {
            one.id for one in everything
            if one.box == "INBOX" and "apples" in (one.subject + one.body).lower()
        }  # fmt: skip
        assert set(found["ids"]) == expected
        found = await bob.call(
            "Email/query", accountId=client.account, filter={"hasKeyword": "$seen"}
        )
        assert found["ids"] == []

    tell(database, data, story)


def test_other_arguments_are_refused(database: Opener, data: Path) -> None:
    async def story(client: Client) -> None:
        for name in query.METHODS:
            assert (await client.fails(name, surprise=1))["type"] == "invalidArguments"
        error = await client.fails("Email/query", filter={"color": 1})
        assert error["type"] == "unsupportedFilter"
        error = await client.fails("Email/query", sort=[{"property": "color"}])
        assert error["type"] == "unsupportedSort"

    tell(database, data, story)
