import html
import re
from pathlib import Path

import pytest

from postroom.admin.office import Office
from postroom.store import flags
from postroom.web.mail import form
from tests.access.shop import audit, put
from tests.admin.test_reach import number
from tests.conftest import Opener
from tests.fakes import Clock
from tests.web.browser import ADMIN, PERSON, Browser, tell
from tests.web.mail.letters import PLAIN, RICH

HERE = "/mail/write"


def filled(browser: Browser) -> dict[str, str]:
    """What the form would send as it is: its hidden fields, inputs and text."""
    found = {
        html.unescape(name): html.unescape(value)
        for name, value in re.findall(
            r'<input[^>]* name="([^"]+)"[^>]* value="([^"]*)"', browser.page
        )
    }
    found |= dict.fromkeys(re.findall(r'name="(keep:[\d.]+)" checked', browser.page), "on")
    text = re.search(r"<textarea[^>]*>\n?(.*?)</textarea>", browser.page, re.DOTALL)
    found.pop("csrf", None)
    return {**found, "text": html.unescape(text[1]) if text else ""}


async def sent(
    browser: Browser, fields: dict[str, str], name: str = "", octets: bytes = b""
) -> int:
    return (await browser.upload(HERE, fields, name, octets)).status


def test_a_message_is_sent_and_kept_in_sent(database: Opener, data: Path) -> None:
    async def story(browser: Browser, office: Office, _clock: Clock) -> None:
        await browser.get(f"{HERE}?address={ADMIN}")
        fields = {
            **filled(browser),
            "subject": "Grüße",
            "text": "Hello\n.\nyou",
            "bcc": PERSON,
            "act": "send",
        }
        assert fields["to"] == ADMIN
        said = await browser.upload(HERE, fields, "a b.txt", b"a file")
        assert said.status == 303, browser.text
        assert said.headers["location"] == "/mail?box=INBOX#done"
        await browser.get("/mail?box=Sent")
        assert ADMIN in browser.text
        await browser.get("/mail/message?box=Sent&uid=1")
        assert "Bcc" in browser.text
        await browser.get("/mail/message?uid=1")  # one's own copy
        assert "Grüße" in browser.text
        assert "Bcc" not in browser.text
        assert "Hello . you" in browser.text
        assert (await browser.get("/mail/message/file?uid=1&part=2")).body == b"a file"
        await browser.get(HERE)
        said = await browser.upload(HERE, fields, "a b.txt", b"a file")
        assert (said.status, said.headers["location"]) == (303, "/mail?box=INBOX#done")
        await browser.get(HERE)
        assert (await browser.upload(HERE, fields, "a b.txt", b"A FILE")).status == 409
        await browser.get(HERE)
        said = await browser.upload(HERE, {**fields, "text": "changed"}, "", b"")
        assert said.status == 409
        assert "has been sent, once" in browser.text
        again = filled(browser)
        assert again["text"] == "changed"
        assert again["mark"] != fields["mark"]
        await browser.get("/mail?box=Sent")
        assert "1 of 1 shown" in browser.text
        await audit(office.store)

    tell(database, data, story, logged_in=PERSON)


def test_an_answer_is_threaded_and_the_question_marked(database: Opener, data: Path) -> None:
    async def story(browser: Browser, office: Office, _clock: Clock) -> None:
        await put(office.store, PLAIN, account_id=await number(office, PERSON))
        await browser.get(f"{HERE}?box=INBOX&uid=1&to=all")
        fields = filled(browser)
        assert fields["to"] == "Ann <ann@far.test>"
        assert fields["cc"] == "Carl <carl@far.test>"
        assert fields["subject"] == "Re: A plain word"
        assert "> Hello Bob," in fields["text"]
        assert ">> before" in fields["text"]
        assert fields["in-reply-to"] == fields["references"] == "<one@far.test>"
        assert await sent(browser, {**fields, "to": ADMIN, "cc": "", "act": "send"}) == 303
        await browser.get("/mail")
        assert "answered" in browser.text
        await browser.get("/mail/message/source?box=Sent&uid=1")
        assert "In-Reply-To: <one@far.test>" in browser.page

    tell(database, data, story, logged_in=PERSON)


def test_what_is_forwarded_takes_its_files_along(database: Opener, data: Path) -> None:
    async def story(browser: Browser, office: Office, _clock: Clock) -> None:
        await put(office.store, RICH, account_id=await number(office, PERSON))
        await browser.get(f"{HERE}?uid=1&to=others")
        fields = {**filled(browser), "to": PERSON, "act": "send"}
        assert fields["subject"] == "Fwd: Grüße <b>"
        assert "From: Shop <news@shop.test>" in fields["text"]
        assert "Cheap" not in fields["text"]  # it goes along as it was laid out
        assert await sent(browser, {**fields, "text": f"<look>\n{fields['text']}"}) == 303
        await browser.get("/mail/message?uid=2&as=text")
        assert "price list.pdf" in browser.text
        assert "Cheap things" in browser.text
        assert (await browser.get("/mail/message/file?uid=2&part=2")).body == b"%PDF-1.4 prices"
        await browser.get("/mail/message/html?uid=2")
        assert "&lt;look&gt;<br>" in browser.page
        assert "<p>Cheap <b>things</b></p>" in browser.page
        assert 'src="data:image/png;base64,' in browser.page
        await browser.get("/mail/message/source?uid=2")
        assert "steal()" not in browser.page

        await browser.get(f"{HERE}?uid=1&to=others&as=text")
        fields = {**filled(browser), "to": PERSON, "act": "send"}
        assert "Cheap things" in fields["text"]
        assert await sent(browser, fields) == 303
        await browser.get("/mail/message/source?uid=3")
        assert "text/html" not in browser.page

    tell(database, data, story, logged_in=PERSON)


def test_a_draft_keeps_its_layout_until_that_is_given_up(database: Opener, data: Path) -> None:
    async def story(browser: Browser, office: Office, _clock: Clock) -> None:
        bob = await number(office, PERSON)
        await office.store.furnish(bob)
        await put(office.store, RICH, account_id=bob, mailbox="Drafts", flags=flags.DRAFT)
        await browser.get(f"{HERE}?box=Drafts&draft=1")
        assert "laid out in another program" in browser.text
        fields = {**filled(browser), "to": ADMIN, "cc": "", "act": "draft"}
        said = await browser.upload(HERE, {**fields, "text": "Dear things"}, "", b"")
        assert said.status == 400
        assert "It was not kept: you have changed the text" in browser.text
        assert filled(browser)["text"] == "Dear things"
        said = await browser.upload(HERE, fields, "", b"")
        assert said.headers["location"] == f"{HERE}?box=Drafts&draft=2#done"
        await browser.get("/mail/message/source?box=Drafts&uid=2")
        assert "<script>steal()</script><p>Cheap <b onclick=" in browser.page.replace("=\r\n", "")
        assert "Content-ID: <logo@shop.test>" in browser.page
        await browser.get(f"{HERE}?box=Drafts&draft=2")
        flat = {**filled(browser), "text": "Dear things", "act": "send", "flat": "on"}
        assert await sent(browser, flat) == 303
        await browser.get("/mail/message/source?box=Sent&uid=1")
        assert "Dear things" in browser.page
        assert "text/html" not in browser.page

    tell(database, data, story, logged_in=PERSON)


def test_a_draft_is_kept_written_on_and_sent(database: Opener, data: Path) -> None:
    async def story(browser: Browser, office: Office, _clock: Clock) -> None:
        await browser.get(HERE)
        fields = {**filled(browser), "to": "Ann", "subject": "Half", "text": "a", "act": "draft"}
        said = await browser.upload(HERE, fields, "x.txt", b"kept")
        assert said.status == 400  # Ann is no address
        assert "Ann" in browser.text
        fields["to"] = ADMIN
        said = await browser.upload(HERE, fields, "x.txt", b"kept")
        assert said.headers["location"] == "/mail/write?box=Drafts&draft=1#done"
        await browser.get("/mail/write?box=Drafts&draft=1")
        again = filled(browser)
        assert (again["to"], again["subject"], again["text"]) == (ADMIN, "Half", "a\n")
        assert again["keep:2"] == "on"
        again |= {"text": "whole", "act": "draft"}
        said = await browser.upload(HERE, again, "", b"")
        assert said.headers["location"] == "/mail/write?box=Drafts&draft=2#done"
        await browser.get("/mail/write?box=Drafts&draft=2")
        assert await sent(browser, {**filled(browser), "act": "send"}) == 303
        await browser.get("/mail?box=Drafts")
        assert "No messages." in browser.text
        assert (await browser.get("/mail/message/file?box=Sent&uid=1&part=2")).body == b"kept"
        await audit(office.store)

    tell(database, data, story, logged_in=PERSON)


def test_what_is_refused_loses_no_word(database: Opener, data: Path) -> None:
    async def story(browser: Browser, office: Office, _clock: Clock) -> None:
        await browser.get(HERE)
        whole = {**filled(browser), "to": ADMIN, "text": "a long letter", "act": "send"}
        for change, words in (
            ({"to": ""}, "has no recipient"),
            ({"to": "nobody@demo.test"}, "550"),
            ({"from": ADMIN}, "553"),
            ({"from": "no address"}, "It was not sent"),
            ({"mark": "1"}, "the page was old"),
        ):
            assert await sent(browser, {**whole, **change}) == 400, change
            assert words in browser.text
            assert "a long letter" in browser.text
        assert (await browser.post(HERE, whole)).status == 400  # no form with files
        said = await browser.upload(HERE, whole, "", b"", csrf=None)
        assert said.status == 403
        await browser.get("/mail?box=Sent")
        assert "No messages." in browser.text

    tell(database, data, story, logged_in=PERSON)


def test_too_large_files_cost_no_word(database: Opener, data: Path) -> None:
    async def story(browser: Browser, _office: Office, _clock: Clock) -> None:
        await browser.get(HERE)
        whole = {**filled(browser), "to": ADMIN, "text": "a long letter", "act": "send"}
        said = await browser.upload(HERE, whole, "big", b"x" * (form.MOST + 1))
        assert said.status == 413
        assert "It was not sent: the files together are larger than 25 MB" in browser.text
        again = filled(browser)
        assert (again["to"], again["text"], again["mark"]) == (
            ADMIN,
            "a long letter",
            whole["mark"],
        )
        said = await browser.upload("/mail/ways", whole, "big", b"x" * (form.MOST + 1))
        assert said.status == 413
        assert "a long letter" in browser.text
        assert await sent(browser, {**again, "act": "send"}) == 303
        await browser.get("/mail?box=Sent")
        assert "1 of 1 shown" in browser.text

    tell(database, data, story, logged_in=PERSON)


@pytest.mark.parametrize("where", [HERE, "/mail/ways"])
def test_what_a_gone_message_would_have_given_costs_no_word(
    database: Opener, data: Path, where: str
) -> None:
    async def story(browser: Browser, office: Office, _clock: Clock) -> None:
        await put(office.store, RICH, account_id=await number(office, PERSON))
        await browser.get(f"{HERE}?box=INBOX&uid=1&to=others")
        page = browser.page
        whole = {**filled(browser), "to": ADMIN, "text": "look at this", "act": "send"}
        assert (whole["keep:2"], whole["layout"]) == ("on", "kept")
        await browser.get("/mail")
        await browser.post("/mail", {"act": "delete", "uid:1": "on"})
        browser.page = page
        assert (await browser.upload(where, whole, "", b"")).status == 400
        assert "somebody has moved or deleted it" in browser.text
        again = filled(browser)
        assert again["text"] == "look at this"
        assert (again.get("keep:2"), again["layout"]) == (None, "")
        assert await sent(browser, {**again, "act": "send"}) == 303

    tell(database, data, story, logged_in=PERSON)


def test_a_page_of_the_session_before_costs_no_word(database: Opener, data: Path) -> None:
    async def story(browser: Browser, _office: Office, clock: Clock) -> None:
        await browser.get(HERE)
        page, old = browser.page, browser.cookie
        whole = {**filled(browser), "to": ADMIN, "text": "a long <b>letter", "act": "send"}
        clock.advance(seconds=9 * 3600)
        said = await browser.upload(HERE, whole, "a", b"lost")
        assert said.status == 403
        assert "your session was over" in browser.text
        assert "a long <b>letter" in browser.text
        assert ADMIN in browser.page
        browser.cookie = ""
        browser.page = page
        assert (await browser.upload(HERE, whole, "", b"")).status == 303  # nobody's: to the login
        await browser.log_in(PERSON)
        assert browser.cookie != old
        browser.page = page
        said = await browser.upload(HERE, whole, "a", b"lost")
        assert said.status == 403
        assert "It was not sent: the page was older than your login" in browser.text
        again = filled(browser)
        assert again["text"] == "a long <b>letter"
        assert await sent(browser, {**again, "act": "send"}) == 303
        await browser.get("/mail?box=Sent")
        assert "1 of 1 shown" in browser.text

    tell(database, data, story, logged_in=PERSON)


def test_a_draft_that_somebody_else_wrote_keeps_its_flags(database: Opener, data: Path) -> None:
    async def story(browser: Browser, office: Office, _clock: Clock) -> None:
        bob = await number(office, PERSON)
        await office.store.furnish(bob)
        await put(office.store, PLAIN, account_id=bob, mailbox="Drafts", flags=flags.DRAFT)
        await browser.get("/mail?box=Drafts")
        assert "/mail/write?box=Drafts&amp;draft=1" in browser.page
        await browser.get("/mail/write?box=Drafts&draft=1")
        assert filled(browser)["to"] == PERSON

    tell(database, data, story, logged_in=PERSON)
