"""FETCH responses."""

import msgspec

from postroom.protocol.imap.fetch import Attribute
from postroom.protocol.imap.fetch_lines import CLOSE, FlagPage, Lines, flagged_lines, flags_page

STRUCTURE = b'("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 3 1 NIL NIL NIL NIL)'


class Row(msgspec.Struct, frozen=True):
    sequence: int = 2
    uid: int = 7
    flags: int = 1
    keywords: str = "$Junk"
    recent: bool = True
    modseq: int = 65402
    is_quiet: bool = False
    saved: int = 837596665000
    message_id: int = 255
    thread_id: int = 4096
    size: int = 310
    received: int = 837596665000
    preview: str | None = "Hello"
    envelope: bytes = b'(NIL "x" NIL NIL NIL NIL NIL NIL NIL NIL)'
    bodystructure: bytes = STRUCTURE


def test_flags_of_many() -> None:
    page = Lines((Attribute.UID, Attribute.FLAGS)).page([Row(), Row(3, 9, 0, "", False)])
    assert page == (
        b"* 2 FETCH (UID 7 FLAGS (\\Seen \\Recent $Junk))\r\n* 3 FETCH (UID 9 FLAGS ())\r\n"
    )


def test_flags_alone() -> None:
    kinds = [(1, "", False), (0, "", False), (1, "$Junk", True)]
    page = FlagPage(range(2, 5), [7, 9, 12], kinds, b"\2\1\0")
    assert flags_page(page, with_uid=True) == (
        b"* 2 FETCH (UID 7 FLAGS (\\Seen \\Recent $Junk))\r\n* 3 FETCH (UID 9 FLAGS ())\r\n"
        b"* 4 FETCH (UID 12 FLAGS (\\Seen))\r\n"
    )
    assert flags_page(page, with_uid=False) == (
        b"* 2 FETCH (FLAGS (\\Seen \\Recent $Junk))\r\n* 3 FETCH (FLAGS ())\r\n"
        b"* 4 FETCH (FLAGS (\\Seen))\r\n"
    )
    assert flags_page(FlagPage([], [], [], b""), with_uid=True) == b""


def test_numbers_of_flags_alone() -> None:
    kinds = [(1, "", False)]
    for first, last in ((1, 1), (1, 2100), (998, 1001), (99_999, 101_001), (4_294_967_294,) * 2):
        numbers = range(first, last + 1)
        for uids in (numbers, [7 * number for number in numbers]):
            page = FlagPage(numbers, uids, kinds, bytes(len(numbers)))
            assert flags_page(page, with_uid=True) == b"".join(
                [
                    b"* %d FETCH (UID %d FLAGS (\\Seen))\r\n" % pair
                    for pair in zip(numbers, uids, strict=True)
                ]
            )
            assert flags_page(page, with_uid=False) == b"".join(
                [b"* %d FETCH (FLAGS (\\Seen))\r\n" % number for number in numbers]
            )
            assert flags_page(page, with_uid=True, uidonly=True) == b"".join(
                [b"* %d UIDFETCH (FLAGS (\\Seen))\r\n" % uid for uid in uids]
            )


def test_every_fact() -> None:
    page = Lines(tuple(Attribute)).page([Row()])
    assert page.startswith(b"* 2 FETCH (FLAGS (\\Seen \\Recent $Junk) UID 7 MODSEQ (65402) ")
    assert (
        b' INTERNALDATE "17-Jul-1996 09:44:25 +0000" SAVEDATE "17-Jul-1996 09:44:25 +0000" ' in page
    )
    assert b" EMAILID (Mff) THREADID (T1000) RFC822.SIZE 310 " in page
    assert b' PREVIEW "Hello" ' in page
    assert b' ENVELOPE (NIL "x" NIL NIL NIL NIL NIL NIL NIL NIL) ' in page
    assert page.endswith(
        b' BODY ("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 3 1)'
        b" BODYSTRUCTURE " + STRUCTURE + CLOSE
    )


def test_a_text_of_each_message_behind_its_facts() -> None:
    lines = Lines((Attribute.UID, Attribute.FLAGS))
    label = b"BODY[HEADER.FIELDS (x%d)]"
    assert lines.page_with([Row(), Row(3, 9, 0, "", False)], label, [b"x%d: a\r\n\r\n", b""]) == (
        b"* 2 FETCH (UID 7 FLAGS (\\Seen \\Recent $Junk) BODY[HEADER.FIELDS (x%d)] {10}\r\n"
        b"x%d: a\r\n\r\n)\r\n* 3 FETCH (UID 9 FLAGS () BODY[HEADER.FIELDS (x%d)] {0}\r\n)\r\n"
    )
    assert Lines((), uidonly=True).page_with([Row()], b"BODY[TEXT]", [b"a"]) == (
        b"* 7 UIDFETCH (BODY[TEXT] {1}\r\na)\r\n"
    )


def test_content_follows_an_opening() -> None:
    assert Lines((Attribute.UID,)).open(Row()) == b"* 2 FETCH (UID 7 "
    assert Lines(()).open(Row()) == b"* 2 FETCH ("


def test_openings_of_whole_messages() -> None:
    lines = Lines((Attribute.UID,))
    assert lines.open_whole([Row(), Row(3, 9, 0, "", False)], b"BODY[%]") == [
        b"* 2 FETCH (UID 7 BODY[%%] {%d}\r\n" % Row().size,
        b"* 3 FETCH (UID 9 BODY[%%] {%d}\r\n" % Row().size,
    ]
    assert Lines((), uidonly=True).open_whole([Row()], b"BODY[]") == [
        b"* 7 UIDFETCH (BODY[] {%d}\r\n" % Row().size
    ]


def test_changed_flags() -> None:
    changed = [Row(2, 7, 8, "", False), Row(3, 9, 0, "a b", True, 5, is_quiet=True)]
    assert flagged_lines(changed, with_uid=False, with_modseq=False) == (
        b"* 2 FETCH (FLAGS (\\Deleted))\r\n* 3 FETCH (FLAGS (\\Recent a b))\r\n"
    )
    assert flagged_lines(changed, with_uid=True, with_modseq=False) == (
        b"* 2 FETCH (UID 7 FLAGS (\\Deleted))\r\n* 3 FETCH (UID 9 FLAGS (\\Recent a b))\r\n"
    )
    assert flagged_lines(changed, with_uid=False, with_modseq=True) == (
        b"* 2 FETCH (UID 7 FLAGS (\\Deleted) MODSEQ (65402))\r\n* 3 FETCH (UID 9 MODSEQ (5))\r\n"
    )


def test_uidonly_has_uids_for_numbers() -> None:
    assert Lines((Attribute.FLAGS,), uidonly=True).page([Row()]) == (
        b"* 7 UIDFETCH (FLAGS (\\Seen \\Recent $Junk))\r\n"
    )
    assert Lines((Attribute.SIZE,), uidonly=True).open(Row()) == b"* 7 UIDFETCH (RFC822.SIZE 310 "
    page = FlagPage([2], [7], [(1, "$Junk", True)], [0])
    assert flags_page(page, with_uid=True, uidonly=True) == (
        b"* 7 UIDFETCH (FLAGS (\\Seen \\Recent $Junk))\r\n"
    )
    changed = [Row(2, 7, 8, "", False), Row(3, 9, 0, "a b", True, 5, is_quiet=True)]
    assert flagged_lines(changed, with_uid=True, with_modseq=False, uidonly=True) == (
        b"* 7 UIDFETCH (FLAGS (\\Deleted))\r\n* 9 UIDFETCH (FLAGS (\\Recent a b))\r\n"
    )
    assert flagged_lines(changed, with_uid=True, with_modseq=True, uidonly=True) == (
        b"* 7 UIDFETCH (FLAGS (\\Deleted) MODSEQ (65402))\r\n* 9 UIDFETCH (MODSEQ (5))\r\n"
    )
