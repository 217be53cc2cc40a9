import html
import re
from pathlib import Path

from postroom.admin.office import Office
from tests.access.shop import put
from tests.admin.test_reach import number
from tests.conftest import Opener
from tests.fakes import Clock
from tests.web.browser import PERSON, Browser, tell
from tests.web.mail.letters import PIXEL, PLAIN, RICH

HERE = "/mail/message"


def test_a_message_is_read_and_seen(database: Opener, data: Path) -> None:
    async def story(browser: Browser, office: Office, _clock: Clock) -> None:
        bob = await number(office, PERSON)
        await put(office.store, PLAIN, RICH, account_id=bob)
        await browser.get(f"{HERE}?box=INBOX&uid=1")
        assert "Ann <ann@far.test>" in browser.text
        assert "Carl <carl@far.test>" in browser.text
        assert "written 2026-06-01 10:00" in browser.text
        assert '<a href="https://far.test/a?b=1&amp;c=2" target="_blank"' in browser.page
        assert "is proven" not in browser.text
        assert "Newer" in browser.text
        assert "<iframe" not in browser.page
        await browser.get("/mail")
        assert browser.page.count('class="fresh"') == 1
        for query, status in (("uid=3", 404), ("uid=", 400), ("box=Nope&uid=1", 404)):
            assert (await browser.get(f"{HERE}?{query}")).status == status, query

    tell(database, data, story, logged_in=PERSON)


def test_html_is_shown_in_a_frame_that_can_do_nothing(database: Opener, data: Path) -> None:
    async def story(browser: Browser, office: Office, _clock: Clock) -> None:
        await put(office.store, RICH, account_id=await number(office, PERSON))
        said = await browser.get(f"{HERE}?uid=1")
        assert "frame-src 'self'" in said.headers["content-security-policy"]
        assert 'sandbox="allow-popups allow-popups-to-escape-sandbox"' in browser.page
        assert "Images from elsewhere are not fetched" in browser.text
        assert "steal" not in browser.page
        said = await browser.get(f"{HERE}/html?uid=1")
        policy = said.headers["content-security-policy"]
        assert policy.startswith("sandbox allow-popups")
        assert "allow-scripts" not in policy
        assert "allow-same-origin" not in policy
        assert "img-src data:;" in policy
        for gone in ("steal", "onload", "onclick", "javascript", "cid:"):
            assert gone not in browser.page
        assert "data:image/png;base64," in browser.page
        said = await browser.get(f"{HERE}/html?uid=1&images")
        assert "img-src data: https: http:;" in said.headers["content-security-policy"]
        await browser.get(f"{HERE}?uid=1&as=text")
        assert "Cheap things" in browser.text
        assert "<iframe" not in browser.page

    tell(database, data, story, logged_in=PERSON)


def test_files_are_saved_and_never_shown(database: Opener, data: Path) -> None:
    async def story(browser: Browser, office: Office, _clock: Clock) -> None:
        await put(office.store, RICH, account_id=await number(office, PERSON))
        await browser.get(f"{HERE}?uid=1")
        assert "price list.pdf" in browser.text
        said = await browser.get(f"{HERE}/file?uid=1&part=2")
        assert said.body == b"%PDF-1.4 prices"
        assert said.headers["content-type"] == "application/octet-stream"
        assert said.headers["content-disposition"].startswith(
            'attachment; filename="price list.pdf"'
        )
        assert said.headers["content-length"] == str(len(said.body))
        assert (await browser.get(f"{HERE}/file?uid=1&part=1.1")).status == 404
        assert (await browser.get(f"{HERE}/file?uid=1&part=../2")).status == 404
        said = await browser.get(f"{HERE}/source?uid=1")
        assert said.body == RICH
        assert PIXEL not in said.body

    tell(database, data, story, logged_in=PERSON)


def test_images_and_texts_are_looked_at_and_nothing_else(database: Opener, data: Path) -> None:
    def part(kind: bytes, name: bytes) -> bytes:
        return (
            b"--x\r\nContent-Type: %b\r\nContent-Disposition: attachment; filename=%b\r\n\r\n"
            b"<script>a()</script>\r\n" % (kind, name)
        )

    kinds = (b"image/png", b"image/svg+xml", b"text/html", b"application/pdf", b"message/rfc822")
    letter = b"Content-Type: multipart/mixed; boundary=x\r\n\r\n" + b"".join(
        [part(kind, b"%d.bin" % number) for number, kind in enumerate(kinds)]
    )

    async def story(browser: Browser, office: Office, _clock: Clock) -> None:
        await put(office.store, letter + b"--x--\r\n", account_id=await number(office, PERSON))
        await browser.get(f"{HERE}?uid=1")
        assert browser.page.count("&amp;shown") == 5  # an image twice, two texts, the source
        for at, kind in enumerate(
            (
                "image/png", "application/octet-stream", "text/plain; charset=utf-8",
                "application/octet-stream", "text/plain; charset=utf-8",
            ),
            1,
        ):  # fmt: skip
            said = await browser.get(f"{HERE}/file?uid=1&part={at}&shown")
            assert said.headers["content-type"] == kind
            assert said.headers["content-security-policy"] == "sandbox; default-src 'none'"
            assert said.headers["x-content-type-options"] == "nosniff"
        said = await browser.get(f"{HERE}/source?uid=1&shown")
        assert said.headers["content-type"] == "text/plain; charset=utf-8"
        assert said.body == letter + b"--x--\r\n"

    tell(database, data, story, logged_in=PERSON)


def test_a_message_is_printed_with_its_head(database: Opener, data: Path) -> None:
    async def story(browser: Browser, office: Office, _clock: Clock) -> None:
        await put(office.store, RICH, account_id=await number(office, PERSON))
        said = await browser.get(f"{HERE}/html?uid=1&print")
        assert said.headers["content-security-policy"].startswith("sandbox allow-popups")
        assert "<h1>Grüße &lt;b&gt;</h1><div><b>From</b> Shop" in browser.page
        assert "price list.pdf" in browser.page
        await browser.get(f"{HERE}/html?uid=1")
        assert "<h1>" not in browser.page

    tell(database, data, story, logged_in=PERSON)


def test_a_conversation_is_found_in_all_mailboxes(database: Opener, data: Path) -> None:
    async def story(browser: Browser, office: Office, _clock: Clock) -> None:
        bob = await number(office, PERSON)
        await office.store.furnish(bob)
        await put(office.store, PLAIN, RICH, account_id=bob)
        answer = b"Subject: Re: A plain word\r\nReferences: <one@far.test>\r\n\r\nyes\r\n"
        await put(office.store, answer, account_id=bob, mailbox="Sent")
        await browser.get(f"{HERE}?box=Sent&uid=1")
        path = re.search(r'href="(/mail[?]q=thread[^"]+)"', browser.page)
        assert path
        await browser.get(html.unescape(path[1]))
        assert "2 of 2 shown" in browser.text

    tell(database, data, story, logged_in=PERSON)


def test_a_list_is_left_with_one_click_where_its_author_is_proven(
    database: Opener, data: Path
) -> None:
    offer = (
        b"List-Unsubscribe: <https://list.test/leave?me>\r\n"
        b"List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"
    )
    proof = b"Authentication-Results: mx.demo.test;\r\n\tdmarc=pass header.from=far.test\r\n"

    async def story(browser: Browser, office: Office, _clock: Clock) -> None:
        bob = await number(office, PERSON)
        path = b"Return-Path: <a@far.test>\r\n"
        await put(office.store, proof + offer + PLAIN, offer + PLAIN, account_id=bob, prefix=path)
        await browser.get(f"{HERE}?uid=1")
        assert "Leave it now" in browser.text
        said = await browser.post(f"{HERE}/leave", {"box": "INBOX", "uid": "1"})
        assert said.status == 400  # nobody answers for that name
        assert "list.test has not taken it" in browser.text
        await browser.get(f"{HERE}?uid=2")
        assert "Leave it now" not in browser.text
        assert 'href="https://list.test/leave?me"' in browser.page
        assert (await browser.post(f"{HERE}/leave", {"box": "INBOX", "uid": "2"})).status == 400

    tell(database, data, story, logged_in=PERSON)


def test_only_what_this_server_found_is_proven(database: Opener, data: Path) -> None:
    own = b"Authentication-Results: mx.demo.test;\r\n\tdmarc=pass header.from=far.test\r\n"
    strangers = (
        own.replace(b"mx.demo", b"mx.far"),
        own.replace(b"=pass", b"=fail"),
        (
            b"Authentication-Results: mx.demo.test;\r\n\tspf=pass"
            b' smtp.helo="dmarc=pass header.from=far.test"; dkim=none (dmarc=pass header.from=far.test)\r\n'
        ),
    )

    async def story(browser: Browser, office: Office, _clock: Clock) -> None:
        bob = await number(office, PERSON)
        received = b"Return-Path: <ann@far.test>\r\n"
        letters = [one + PLAIN for one in (own, *strangers)]
        await put(office.store, *letters, account_id=bob, prefix=received)
        await put(office.store, own + PLAIN, account_id=bob)  # a program's own, or fetched
        for uid in range(1, 6):
            await browser.get(f"{HERE}?uid={uid}")
            assert ("far.test is proven" in browser.text) == (uid == 1), uid

    tell(database, data, story, logged_in=PERSON)


def test_a_list_is_left_by_its_page_or_by_a_message(database: Opener, data: Path) -> None:
    async def story(browser: Browser, office: Office, _clock: Clock) -> None:
        bob = await number(office, PERSON)
        for field in (
            b"<mailto:leave@x.test?subject=off>, <https://x.test/leave?me>",
            b"<mailto:leave+1@x.test?subject=off>",
            b"<javascript:bad()>, <http://x.test/>",
        ):
            await put(office.store, b"List-Unsubscribe: " + field + b"\r\n" + PLAIN, account_id=bob)
        await browser.get(f"{HERE}?uid=1")
        assert 'href="https://x.test/leave?me"' in browser.page
        await browser.get(f"{HERE}?uid=2")
        assert 'href="/mail/write?address=leave%2B1%40x.test"' in browser.page
        await browser.get(f"{HERE}?uid=3")
        assert "mailing list" not in browser.text

    tell(database, data, story, logged_in=PERSON)
