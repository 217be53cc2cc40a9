"""Tokens in plain words, for people who ask why a message is in Junk."""

from collections.abc import Mapping
from typing import Final

_MARKS: Final[Mapping[str, str]] = {
    "is:answer": "it answers another message",
    "to:own-domain": "it is addressed to the author's own domain too",
    "to:undisclosed": "the recipients are not named",
    "from:no-name": "the author has no name beside the address",
    "from:digits": "there are digits in the author's address",
    "from:address-as-name": "the author's name is an address",
    "from:nobody": "no author is named",
    "reply-to:same": "answers go to the author",
    "reply-to:elsewhere": "answers go to another site than the author's",
    "id:own": "its Message-ID is of the author's site",
    "id:elsewhere": "its Message-ID is of another site than the author's",
    "id:no-host": "its Message-ID names no host",
    "id:no-domain": "its Message-ID names a host without a domain",
    "id:malformed": "its Message-ID is malformed",
    "mailer:none": "no mail program is named",
    "date:malformed": "the Date field can't be read",
    "subject:upper": "the subject is in capital letters",
    "subject:gap": "there is a wide gap in the subject",
    "subject:re": "the subject begins like an answer's",
    "subject:not-ascii": "the subject is not in ASCII",
    "text:html-only": "it is HTML without plain text",
    "text:html-and-plain": "it is HTML beside plain text",
    "text:none": "there is no text",
    "text:hidden": "there is text that nobody sees",
    "html:form": "there is a form to fill in",
    "html:images": "there are images",
    "html:mostly-images": "there are images and little text",
    "link:ip": "a link leads to a bare address",
    "link:nodot": "a link leads to a host without a domain",
    "link:port": "a link leads to an unusual port",
    "link:user": "a link hides where it leads",
    "link:escaped": "the host in a link is written in escapes",
    "link:shortener": "a link goes through a shortener",
    "link:idn": "a link leads to an international domain name",
    "link:elsewhere": "a link shows one site and leads to another",
    "link:mailto": "a link writes a message",
    "attached:program": "a program is attached",
    "attached:disguised": "an attached program pretends to be a document",
}
_KINDS: Final[Mapping[str, str]] = {
    "subject": '"{}" in the subject',
    "site": "a link to {}",
    "host": "a link to {}",
    "tld": "a link to a site in .{}",
    "type": "a part of type {}",
    "charset": "text in {}",
    "encoding": "a part encoded as {}",
    "mailer": "the mail program {}",
    "attached": "a file whose name ends in .{}",
    "no": "no {} field",
    "has": "a {} field",
    "several": "several {} fields",
    "to": "{} recipients named",
    "from": "the author's address: {}",
    "id": "a Message-ID of the form {}",
    "id-form": "a Message-ID of the form {}",
    "id-host": "a Message-ID with a host of the form {}",
    "id-length": "a Message-ID of about four times {} characters",
    "field": "a field that is spelled {}",
    "unspaced": "no space before the value of the field {}",
    "date-form": "a date of the form {}",
    "from-form": "an author who is written like {}",
    "to-form": "recipients who are written like {}",
    "type-form": "the content type written as {}",
    "encoding-form": "the transfer encoding written as {}",
    "mime-form": "the MIME version written as {}",
    "program": "the mail program {}",
    "boundary": "a boundary of the form {}",
    "boundary-length": "a boundary of {} characters",
    "host-form": "a link to a host of the form {}",
    "path": 'a link with "{}" in its path',
    "path-form": "a link with a path of the form {}",
    "path-ends": "a link whose path ends in {}",
}


def plain(name: str) -> str:
    """What the token ``name`` stands for."""
    if name in _MARKS:
        return _MARKS[name]
    kind, colon, rest = name.partition(":")
    if not colon:
        return f'the word "{name}"'
    rest = rest.removeprefix("shape:").removeprefix("tld:")
    return _KINDS.get(kind, kind + ": {}").format(rest)
