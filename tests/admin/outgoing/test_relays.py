import json
from collections.abc import Callable
from dataclasses import replace

import msgspec
import pytest
from hypothesis import given, strategies as st

from postroom.admin import accounts, domains
from postroom.admin.office import Office
from postroom.admin.outgoing import relays
from postroom.admin.outgoing.relays import UseView, Wanted
from postroom.directory.relays import Relays
from postroom.directory.secrets import Secrets
from postroom.errors import AlreadyExists, Invalid, NotFound, Refused, StorageFailed
from tests.admin.bureau import Story
from tests.directory import keys
from tests.fakes import Clock

Tell = Callable[[Story], None]

SECRET = "geheim-häß"
PLAIN = Wanted(host="Relay.Example", port=2525, tls="starttls")
LOGIN = replace(PLAIN, login="user", password=SECRET)
DEFAULT = UseView("default")


async def furnish(office: Office) -> None:
    await domains.add(office, "demo.test", generate=keys.quick)
    await accounts.add(office, "alice@demo.test", password=None)


def test_a_relay_is_added_shown_and_listed(tell: Tell) -> None:
    async def story(office: Office, clock: Clock) -> None:
        added = await relays.add(office, "Office-1", LOGIN)
        assert (added.name, added.host, added.port) == ("office-1", "relay.example", 2525)
        assert (added.tls, added.verify, added.login, added.password) == (
            "starttls", True, "user", True,
        )  # fmt: skip
        assert (added.mechanism, added.preset, added.uses, added.rerouted) == ("", "", (), ())
        shown = await relays.show(office, "OFFICE-1")
        assert [one async for one in relays.every(office)] == [shown]
        assert [one async for one in relays.every(office, search="nothing")] == []
        assert SECRET not in msgspec.json.encode(added).decode() + repr(added) + repr(LOGIN)
        assert (await relays.load(office, "office-1")).password == SECRET
        with pytest.raises(AlreadyExists, match="postroom relay set office-1"):
            await relays.add(office, "office-1", PLAIN)

    tell(story)


def test_a_preset_fills_the_gaps(tell: Tell) -> None:
    async def story(office: Office, clock: Clock) -> None:
        old = await relays.add(office, "old", Wanted(preset="Frii"))
        assert (old.host, old.port, old.tls, old.preset) == ("mail.frii.com", 25, "none", "frii")
        mine = await relays.add(
            office, "mine", Wanted(preset="charter", host="127.0.0.1", port=10025, tls="none")
        )
        assert (mine.host, mine.port, mine.tls) == ("127.0.0.1", 10025, "none")
        grid = await relays.add(office, "grid", Wanted(preset="sendgrid", password="key"))
        assert (grid.login, grid.password) == ("apikey", True)
        own = await relays.add(
            office, "own", Wanted(preset="sendgrid", login="sub", password="key")
        )
        assert own.login == "sub"
        ses = await relays.add(office, "ses", Wanted(preset="amazon-ses", host="eu-west-1"))
        assert ses.host == "email-smtp.eu-west-1.amazonaws.com"
        with pytest.raises(Invalid, match="region"):
            await relays.add(office, "ses2", Wanted(preset="amazon-ses"))
        with pytest.raises(NotFound, match="postroom relay presets"):
            await relays.add(office, "acme", Wanted(preset="acme"))
        for missing in (Wanted(), replace(PLAIN, host=None), replace(PLAIN, tls=None)):
            with pytest.raises(Invalid, match="needs a preset, or host, port and tls"):
                await relays.add(office, "bare", missing)

    tell(story)


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "127.8.9.1", "::1", "[::1]", "localhost", "a.localhost"]
)
def test_on_this_machine_a_login_needs_no_tls(tell: Tell, host: str) -> None:
    async def story(office: Office, clock: Clock) -> None:
        added = await relays.add(office, "here", replace(LOGIN, host=host, tls="none"))
        assert added.password
        assert not added.verify  # unless it is asked for
        asked = await relays.add(office, "asked", replace(PLAIN, host=host, verify=True))
        assert asked.verify

    tell(story)


@pytest.mark.parametrize(
    "host",
    ["relay.example", "192.0.2.1", "10.0.0.1", "2001:db8::1", "localhost.example", "0.0.0.0"],
)
def test_elsewhere_a_password_is_never_sent_without_tls(tell: Tell, host: str) -> None:
    async def story(office: Office, clock: Clock) -> None:
        open_ = replace(LOGIN, host=host, tls="none")
        with pytest.raises(Invalid, match="not sent to .* without TLS"):
            await relays.add(office, "there", open_)
        assert (await relays.add(office, "bare", replace(PLAIN, host=host, tls="none"))).verify
        await relays.add(office, "safe", replace(LOGIN, host=host))
        with pytest.raises(Invalid, match="without TLS"):
            await relays.change(office, "safe", Wanted(tls="none"))
        with pytest.raises(Invalid, match="without TLS"):
            await relays.change(office, "bare", Wanted(login="user", password=SECRET))
        assert (await relays.show(office, "safe")).tls == "starttls"
        here = await relays.add(office, "here", replace(LOGIN, host="::1", tls="none"))
        with pytest.raises(Invalid, match="without TLS"):
            await relays.change(office, "here", Wanted(host=host))
        assert (await relays.show(office, "here")).host == here.host

    tell(story)


@pytest.mark.parametrize(
    ("wanted", "reason"),
    [
        (replace(PLAIN, port=0), "0 is no port"),
        (replace(PLAIN, port=65536), "65536 is no port"),
        (replace(PLAIN, login="user"), "needs a password"),
        (replace(PLAIN, password=SECRET), "needs a login"),
        (replace(LOGIN, login="a\nb"), "control characters"),
        (replace(LOGIN, login="x" * 513), "at most 512 octets"),
        (replace(LOGIN, password="a\nb"), "one line"),
        (replace(LOGIN, password="a\0b"), "no NUL"),
        (replace(LOGIN, password="x" * 8193), "at most 8192 octets"),
        (replace(PLAIN, host="relay.example:587"), "port with --port"),
        (replace(PLAIN, host="a b"), "is no host"),
        (replace(PLAIN, host=""), "is no host"),
        (replace(PLAIN, host="fe80::1%eth0"), "is no host"),
        (replace(PLAIN, host="[fe80::1%eth0]"), "is no host"),
        (replace(PLAIN, host="1.2.3.4.5"), "is no host"),
    ],
)
def test_what_can_not_work_is_refused(tell: Tell, wanted: Wanted, reason: str) -> None:
    async def story(office: Office, clock: Clock) -> None:
        with pytest.raises(Invalid, match=reason) as caught:
            await relays.add(office, "bad", wanted)
        assert SECRET not in str(caught.value)
        assert [one async for one in relays.every(office)] == []

    tell(story)


@pytest.mark.parametrize(
    "name", ["", " ", "two words", "-x", "a/b", "ü", "x" * 64, "direct", "Direct"]
)
def test_a_name_is_a_word(tell: Tell, name: str) -> None:
    async def story(office: Office, clock: Clock) -> None:
        with pytest.raises(Invalid):
            await relays.add(office, name, PLAIN)

    tell(story)


@given(st.text(max_size=40) | st.from_regex(r"[\[a-z0-9:.%\]]{0,20}"))
def test_a_host_is_read_or_refused(text: str) -> None:
    try:
        host = relays._host(text)
    except Invalid:
        return
    assert relays._host(host) == host
    assert host.isascii()
    assert not set("[]% \r\n\0") & set(host)


def test_what_is_given_is_set_and_the_rest_stays(tell: Tell) -> None:
    async def story(office: Office, clock: Clock) -> None:
        await relays.add(office, "one", LOGIN, [DEFAULT])
        changed = await relays.change(office, "one", Wanted(port=465, tls="implicit"))
        assert (changed.port, changed.tls, changed.login, changed.password) == (
            465, "implicit", "user", True,
        )  # fmt: skip
        assert changed.uses == (DEFAULT,)
        assert (await relays.load(office, "one")).password == SECRET
        changed = await relays.change(office, "one", Wanted(password="token", is_token=True))
        assert changed.mechanism == "xoauth2"
        await relays.change(office, "one", Wanted(verify=False, host="other.example"))
        loaded = await relays.load(office, "one")
        assert (loaded.password, loaded.mechanism, loaded.verify) == ("token", "xoauth2", False)
        changed = await relays.change(office, "one", Wanted(login="other", password="new"))
        assert (changed.login, changed.mechanism) == ("other", "")
        changed = await relays.change(office, "one", Wanted(login=""))
        assert (changed.login, changed.password, changed.mechanism) == ("", False, "")
        assert (await relays.load(office, "one")).password == ""
        with pytest.raises(Invalid, match="needs a login"):
            await relays.change(office, "one", Wanted(password="new"))
        with pytest.raises(Invalid, match="needs a login"):
            await relays.change(office, "one", Wanted(login="", password="new"))
        with pytest.raises(Invalid, match="needs a password"):
            await relays.change(office, "one", Wanted(login="user"))
        changed = await relays.change(office, "one", Wanted(preset="resend", password="key"))
        assert (changed.host, changed.login, changed.preset) == (
            "smtp.resend.com", "resend", "resend",
        )  # fmt: skip
        with pytest.raises(NotFound, match="postroom relay list"):
            await relays.change(office, "two", Wanted(port=1))

    tell(story)


def test_mail_takes_the_relay_it_was_given(tell: Tell) -> None:
    async def story(office: Office, clock: Clock) -> None:
        await furnish(office)
        uses = [
            DEFAULT,
            UseView("sender-domain", "Demo.test"),
            UseView("recipient-domain", "bücher.example"),
            UseView("account", "Alice@demo.test"),
        ]
        added = await relays.add(office, "one", PLAIN, uses)
        assert set(added.uses) == {
            DEFAULT,
            UseView("sender-domain", "demo.test"),
            UseView("recipient-domain", "bücher.example"),
            UseView("account", "alice@demo.test"),
        }
        assert [(one.before, one.now) for one in added.rerouted] == [("", "one")] * 4
        two = await relays.add(office, "two", PLAIN)
        assert two.uses == ()
        moved = await relays.use(office, "two", [UseView("account", "alice@demo.test"), DEFAULT])
        assert [(one.before, one.now) for one in moved.rerouted] == [("one", "two")] * 2
        assert len(moved.uses) == 2
        assert len((await relays.show(office, "one")).uses) == 2
        cache = Relays(office.db, clock, office.directory.secrets)
        chosen = await cache.choose("demo.test", "xn--bcher-kva.example", None)
        assert chosen is not None
        assert chosen.name == "one"

    tell(story)


def test_a_use_of_what_is_not_there_changes_nothing(tell: Tell) -> None:
    async def story(office: Office, clock: Clock) -> None:
        await furnish(office)
        for bad in (
            UseView("account", "bob@demo.test"),
            UseView("account", "bob"),
            UseView("sender-domain", "other.test"),
            UseView("recipient-domain", "no domain"),
        ):
            with pytest.raises(Refused):
                await relays.add(office, "one", PLAIN, [DEFAULT, bad])
            assert [one async for one in relays.every(office)] == []

    tell(story)


def test_mail_goes_directly_after_unuse(tell: Tell) -> None:
    async def story(office: Office, clock: Clock) -> None:
        await furnish(office)
        target = UseView("recipient-domain", "b.test")
        await relays.add(office, "one", PLAIN, [target, UseView("sender-domain", "demo.test")])
        await relays.add(office, "two", PLAIN, [DEFAULT])
        changed = await relays.unuse(office, "one", [target])
        assert [(one.use, one.before, one.now) for one in changed.rerouted] == [
            (target, "one", "two")
        ]
        with pytest.raises(NotFound, match="mail to b.test does not go through the relay one"):
            await relays.unuse(office, "one", [target])
        with pytest.raises(NotFound, match="mail by default does not go"):
            await relays.unuse(office, "one", [UseView("sender-domain", "demo.test"), DEFAULT])
        assert len((await relays.show(office, "one")).uses) == 1  # nothing was changed
        await relays.unuse(office, "two")
        changed = await relays.unuse(office, "one")
        assert [one.now for one in changed.rerouted] == [""]
        assert (await relays.unuse(office, "one")).rerouted == ()

    tell(story)


def test_a_person_goes_with_their_domain_after_unuse(tell: Tell) -> None:
    async def story(office: Office, clock: Clock) -> None:
        await furnish(office)
        person = UseView("account", "alice@demo.test")
        await relays.add(office, "hers", PLAIN, [person])
        await relays.add(office, "domain", PLAIN, [UseView("sender-domain", "demo.test")])
        await relays.add(office, "default", PLAIN, [DEFAULT])
        changed = await relays.unuse(office, "hers", [person])
        assert [one.now for one in changed.rerouted] == ["domain"]
        await relays.use(office, "hers", [person])
        await relays.unuse(office, "domain")
        removed = await relays.remove(office, "hers")
        assert [one.now for one in removed.rerouted] == ["default"]

    tell(story)


def test_a_relay_in_use_can_be_removed(tell: Tell) -> None:
    async def story(office: Office, clock: Clock) -> None:
        target = UseView("recipient-domain", "b.test")
        await relays.add(office, "one", LOGIN, [target, DEFAULT])
        cache = Relays(office.db, clock, office.directory.secrets)
        assert await cache.choose("a.test", "b.test", None) is not None
        removed = await relays.remove(office, "one")
        assert {(one.use, one.before, one.now) for one in removed.rerouted} == {
            (target, "one", ""),
            (DEFAULT, "one", ""),
        }
        cache.hint()
        assert await cache.choose("a.test", "b.test", None) is None
        with pytest.raises(NotFound):
            await relays.remove(office, "one")
        again = await relays.add(office, "one", PLAIN)
        assert again.uses == ()

    tell(story)


def test_an_account_or_domain_that_went_is_still_shown_and_unused(tell: Tell) -> None:
    async def story(office: Office, clock: Clock) -> None:
        await furnish(office)
        uses = [UseView("account", "alice@demo.test"), UseView("sender-domain", "demo.test")]
        await relays.add(office, "one", PLAIN, uses)
        await accounts.remove(office, "alice@demo.test")
        clock.advance(days=31)

        async def erase(ident: int) -> None:
            await office.store.remove_account(ident)

        await accounts.purge_removed(office, office.now(), erase)
        await domains.remove(office, "demo.test")
        account, domain = (await relays.show(office, "one")).uses
        assert account.of.endswith("(gone)")
        await relays.unuse(office, "one", [domain])
        await relays.unuse(office, "one")
        assert (await relays.show(office, "one")).uses == ()

    tell(story)


def test_a_password_that_can_not_be_opened_says_what_to_do(tell: Tell) -> None:
    async def story(office: Office, clock: Clock) -> None:
        await relays.add(office, "one", LOGIN)
        await relays.add(office, "two", PLAIN)
        folder = office.directory.secrets._folder
        (folder / "seal").write_bytes(bytes(32))
        office.directory.secrets = Secrets(folder)
        with pytest.raises(StorageFailed, match="postroom relay set one --password-stdin"):
            await relays.load(office, "one")
        assert (await relays.load(office, "two")).password == ""
        assert len([one async for one in relays.every(office)]) == 2
        await relays.change(office, "one", Wanted(password="new"))
        assert (await relays.load(office, "one")).password == "new"

    tell(story)


def test_views_are_plain_json(tell: Tell) -> None:
    async def story(office: Office, clock: Clock) -> None:
        added = await relays.add(office, "one", LOGIN, [DEFAULT])
        told = json.loads(msgspec.json.encode(added))
        assert told["uses"] == [{"kind": "default", "of": ""}]
        assert told["rerouted"] == [
            {"use": {"kind": "default", "of": ""}, "before": "", "now": "one"}
        ]
        assert told["password"] is True

    tell(story)
