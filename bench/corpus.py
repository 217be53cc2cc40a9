"""Letters as a real mailbox has them: the same ones for the same number and seed.

Conversations with References, mailing lists, text beside HTML, attachments, subjects and
names in several scripts, all transfer encodings; half of the letters are below about
4 KB, one in a thousand has megabytes. ``RARE`` stands in the body of one letter in two
hundred, ``COMMON`` in every body.
"""

import base64
import binascii
import quopri
import random
from bisect import bisect
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.header import Header
from email.utils import format_datetime
from itertools import accumulate
from typing import Final

RARE: Final = "quetzalcoatl"  # in the body of one letter in RARE_EVERY
RARE_EVERY: Final = 200
COMMON: Final = "regards"
SUBJECT: Final = "granite"  # in the subject of about one conversation in fifty

_BEGAN: Final = datetime(2021, 3, 1, 8, 0, tzinfo=UTC)
_SPAN: Final = timedelta(days=1500)
_OPEN: Final = 200  # conversations that somebody may still answer
_SYLLABLES: Final = (
    "ba be bi bo ca ce co da de di do el en er fa fe fi ga ge ha he in ja jo ka ki la le li lo"
    " ma me mi mo na ne ni no on pa pe pi po ra re ri ro sa se si so ta te ti to un va ve vi wa"
)
_SMALL_WORDS: Final = (
    "the of and to in a is that for it as was with be by on not he his but at are this have from"
    " or had an they which one you were all her she there would their we him been has when who"
    " will no more if out so up said what its about than into them can only other time new some"
    " could these two may first then do any like my now over such our even most made after also"
    " did many off before must well back through years where much your way down should because"
    " long each just state those people too little good world make very year still see own work"
    " men day get here old life both between being under three never know same last another"
    " while us might great go come since against right came take used himself few house use"
    " during without again place around however small found mrs thought went say part once high"
    " general upon school every does got united left number course war until always something"
    " fact water public less put thing almost hand enough far took head yet government system"
    " better set told nothing night end why called find going look asked later knew next meeting"
    " report invoice delivery project budget question answer draft version release"
)
_CYRILLIC: Final = "письмо отчёт встреча договор вопрос ответ сервер почта завтра сегодня"
_LATIN: Final = "Grüße Straße Übersicht Änderung Café déjà vu naïve façade español mañana"
_JAPANESE: Final = "会議 報告 見積 質問 資料 確認 予定 連絡"
_LISTS: Final = ("devel", "users", "announce", "security", "board")
_TYPES: Final = (
    ("application/pdf", "pdf"), ("image/jpeg", "jpg"), ("application/zip", "zip"),
    ("application/vnd.openxmlformats-officedocument.wordprocessingml.document", "docx"),
)  # fmt: skip


@dataclass(frozen=True)
class Letter:
    """``flags`` as IMAP writes them, ``received`` is the INTERNALDATE."""

    octets: bytes
    received: datetime
    flags: tuple[str, ...]


@dataclass
class _Conversation:
    """Who says what to whom, and the Message-IDs so far."""

    subject: str
    people: list[tuple[str, str]]
    mailing_list: str
    ids: list[str]
    quoted: str = ""


class Corpus:
    """An endless mailbox, oldest first."""

    def __init__(self, seed: int = 1) -> None:
        self._random = random.Random(seed)
        self._words = self._vocabulary(20_000)
        # Zipf: the nth word is as frequent as 1/n
        self._weights = list(accumulate(1 / (n + 8) for n in range(len(self._words))))
        self._people = [self._person() for _ in range(600)]
        self._open: list[_Conversation] = []

    def letters(self, count: int) -> Iterator[Letter]:
        """``count`` letters of a little more than four years."""
        pace = _SPAN / count
        for number in range(count):
            when = _BEGAN + number * pace
            yield Letter(self._letter(number, when), when, self._flags())

    # People and words

    def _vocabulary(self, size: int) -> list[str]:
        words = dict.fromkeys(_SMALL_WORDS.split())
        while len(words) < size:
            words[
                "".join(
                    self._random.choices(_SYLLABLES.split(), k=self._random.choice((2, 2, 3, 4)))
                )
            ] = None
        return list(words)

    def _person(self) -> tuple[str, str]:
        first, last = (word.title() for word in self._random.choices(self._words[300:], k=2))
        domain = self._random.choice(self._words[300:])
        name = f"{first} {last}"
        if self._random.random() < 0.1:
            name = f"{self._random.choice(_LATIN.split())} {last}"
        return name, f"{first}.{last}@{domain}.example".lower()

    def _text(self, words: int) -> str:
        """Sentences on lines of about 70 characters."""
        top = self._weights[-1]
        draw = self._random.random
        chosen = [self._words[bisect(self._weights, draw() * top)] for _ in range(words)]
        lines = []
        for at in range(0, len(chosen), 11):
            line = chosen[at : at + 11]
            line[0] = line[0].capitalize()
            lines.append(" ".join(line) + ("." if at % 3 else ","))
            if draw() < 0.12:
                lines.append("")
        return "\n".join(lines)

    def _subject(self) -> str:
        words = self._random.choices(self._words[:4000], k=self._random.randint(2, 8))
        if self._random.random() < 0.02:
            words.append(SUBJECT)
        script = self._random.random()
        if script < 0.06:
            words[0] = self._random.choice(_LATIN.split())
        elif script < 0.10:
            words = self._random.choices(_CYRILLIC.split(), k=3)
        elif script < 0.13:
            words = self._random.choices(_JAPANESE.split(), k=3)
        return " ".join(words).capitalize()

    def _flags(self) -> tuple[str, ...]:
        draw = self._random.random
        flags = ["\\Seen"] if draw() < 0.85 else []
        if draw() < 0.15:
            flags.append("\\Answered")
        if draw() < 0.03:
            flags.append("\\Flagged")
        if draw() < 0.04:
            flags.append(self._random.choice(("$Forwarded", "$Label1", "NonJunk")))
        return tuple(flags)

    # Letters

    def _letter(self, number: int, when: datetime) -> bytes:
        draw = self._random.random
        if self._open and draw() < 0.6:
            talk = self._random.choice(self._open[-40:] if draw() < 0.8 else self._open)
        else:
            talk = self._conversation()
        is_reply = bool(talk.ids)
        sender, recipient = self._random.sample(talk.people, 2)
        ident = f"<{number:08x}.{self._random.getrandbits(64):016x}@{sender[1].partition('@')[2]}>"
        text = self._body(number, sender, talk.quoted if is_reply else "")
        talk.quoted = text[:1200]
        kind, body = self._content(text)
        head = self._traces(when, sender[1])
        head += [
            f"From: {_person(sender)}",
            f"To: {_person(recipient)}",
            f"Subject: {_encoded(('Re: ' if is_reply else '') + talk.subject)}",
            f"Date: {format_datetime(when - timedelta(seconds=self._random.randint(1, 90)))}",
            f"Message-ID: {ident}",
        ]
        if len(talk.people) > 2 and draw() < 0.3:
            head.append("Cc: " + ",\r\n ".join(_person(person) for person in talk.people[:4]))
        if is_reply:
            head.append(f"In-Reply-To: {talk.ids[-1]}")
            head.append("References: " + "\r\n ".join(talk.ids[-12:]))
        if talk.mailing_list:
            head += _list_fields(talk.mailing_list)
        talk.ids.append(ident)
        return ("\r\n".join([*head, "MIME-Version: 1.0", *kind]) + "\r\n\r\n").encode() + body

    def _conversation(self) -> _Conversation:
        draw = self._random.random
        name = self._random.choice(_LISTS) if draw() < 0.25 else ""
        people = self._random.sample(self._people, self._random.randint(2, 8))
        subject = self._subject()
        talk = _Conversation(f"[{name}] {subject}" if name else subject, people, name, [])
        self._open.append(talk)
        del self._open[:-_OPEN]
        return talk

    def _body(self, number: int, sender: tuple[str, str], quoted: str) -> str:
        words = min(3000, int(self._random.lognormvariate(4.7, 0.9)) + 12)
        text = self._text(words)
        if number % RARE_EVERY == RARE_EVERY // 2:
            text += f"\nAsk them about {RARE} before you go.\n"
        text += f"\n\nKind {COMMON},\n{sender[0]}\n"
        if quoted:
            text += "\nThey wrote:\n" + "".join(f"> {line}\n" for line in quoted.split("\n"))
        return text

    def _content(self, text: str) -> tuple[list[str], bytes]:
        """The fields of the content, and the body."""
        shape = self._random.random()
        if shape < 0.45:
            return self._plain(text)
        if shape < 0.93:
            return self._multipart("alternative", [self._plain(text), _html(text)])
        size = int(self._random.lognormvariate(10.4, 0.9))
        if shape > 0.999:
            size = self._random.randint(1_000_000, 3_000_000)
        inner = self._multipart("alternative", [self._plain(text), _html(text)])
        return self._multipart("mixed", [inner, self._attachment(size)])

    def _plain(self, text: str) -> tuple[list[str], bytes]:
        octets = text.replace("\n", "\r\n").encode()
        way = self._random.random()
        if way < 0.08:
            octets = text.encode("latin-1", "replace").replace(b"\n", b"\r\n")
            return _fields("text/plain; charset=iso-8859-1", "quoted-printable"), _quoted(octets)
        if way < 0.25:
            return _fields("text/plain; charset=utf-8", "quoted-printable"), _quoted(octets)
        if way < 0.35:
            return _fields("text/plain; charset=utf-8", "base64"), _base64(octets)
        return _fields("text/plain; charset=utf-8; format=flowed", "8bit"), octets

    def _attachment(self, size: int) -> tuple[list[str], bytes]:
        kind, ending = self._random.choice(_TYPES)
        name = f"{self._random.choice(self._words)}-{self._random.randint(1, 99)}.{ending}"
        fields = _fields(f'{kind}; name="{name}"', "base64")
        fields.append(f'Content-Disposition: attachment; filename="{name}"; size={size}')
        return fields, _base64(self._random.randbytes(size))

    def _multipart(
        self, subtype: str, parts: list[tuple[list[str], bytes]]
    ) -> tuple[list[str], bytes]:
        line = f"----=_Part_{self._random.getrandbits(80):020x}"
        body = b"".join(
            f"--{line}\r\n".encode() + "\r\n".join(fields).encode() + b"\r\n\r\n" + octets + b"\r\n"
            for fields, octets in parts
        )
        kind = f'Content-Type: multipart/{subtype};\r\n boundary="{line}"'
        return [kind], body + f"--{line}--\r\n".encode()

    def _traces(self, when: datetime, sender: str) -> list[str]:
        """What the servers on the way have put before the letter."""
        domain = sender.partition("@")[2]
        stamp = format_datetime(when)
        queue = f"{self._random.getrandbits(48):012X}"
        signature = binascii.b2a_base64(self._random.randbytes(192), newline=False).decode()
        lines = [signature[at : at + 72] for at in range(0, len(signature), 72)]
        relays = (
            f"Received: from mx.{domain} (mx.{domain} [192.0.2.{self._random.randint(1, 254)}])\r\n"
            f"\tby mail.example.net (Postfix) with ESMTPS id {queue}\r\n"
            f"\tfor <bench@example.net>; {stamp}"
        )
        results = (
            "Authentication-Results: mail.example.net; spf=pass\r\n"
            f" smtp.mailfrom={sender}; dkim=pass header.d={domain}; dmarc=pass"
        )
        signed = (
            f"DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d={domain}; s=s1;\r\n"
            " h=from:to:subject:date:message-id:mime-version:content-type;\r\n"
            f" bh={signature[:44]};\r\n b=" + "\r\n ".join(lines)
        )
        return [
            f"Return-Path: <{sender}>",
            relays,
            results,
            signed,
            f"Received: by mx.{domain} with SMTP id {queue.lower()}; {stamp}",
            f"X-Mailer: Writer {self._random.randint(1, 9)}.{self._random.randint(0, 20)}",
        ]


def _fields(kind: str, encoding: str) -> list[str]:
    return [f"Content-Type: {kind}", f"Content-Transfer-Encoding: {encoding}"]


def _html(text: str) -> tuple[list[str], bytes]:
    paragraphs = "".join(f'<p style="margin:0 0 8px">{line}</p>\n' for line in text.split("\n\n"))
    page = (
        "<!DOCTYPE html>\n<html><head><meta charset=utf-8><style>body{font:14px sans-serif}"
        f"</style></head>\n<body><div>{paragraphs}</div></body></html>\n"
    )
    octets = page.replace("\n", "\r\n").encode()
    return _fields("text/html; charset=utf-8", "quoted-printable"), _quoted(octets)


def _quoted(octets: bytes) -> bytes:
    return quopri.encodestring(octets.replace(b"\r\n", b"\n")).replace(b"\n", b"\r\n")


def _base64(octets: bytes) -> bytes:
    return base64.encodebytes(octets).replace(b"\n", b"\r\n")


def _encoded(text: str) -> str:
    charset = "us-ascii" if text.isascii() else "utf-8"
    return Header(text, charset).encode(linesep="\r\n")


def _person(person: tuple[str, str]) -> str:
    name, address = person
    return f"{_encoded(name) if not name.isascii() else name} <{address}>"


def _list_fields(name: str) -> list[str]:
    return [
        f"List-Id: <{name}.lists.example>",
        f"List-Post: <mailto:{name}@lists.example>",
        f"List-Unsubscribe: <https://lists.example/{name}>,\r\n <mailto:{name}-off@lists.example>",
        f"Sender: {name}-bounces@lists.example",
        "Precedence: list",
    ]
