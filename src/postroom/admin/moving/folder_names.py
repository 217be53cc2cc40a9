r"""Names of folders elsewhere, and what they are called here.

Programs call the folders for sent, deleted and unwanted mail differently, in every language.
They become the mailbox with that special use (RFC 6154), unless the source has also a folder
with its very name.
"""

import unicodedata
from collections.abc import Iterable
from typing import Final

from postroom.errors import Invalid
from postroom.store.names import INBOX, MAX_LEVEL, MAX_NAME, SEPARATOR, canonical, checked

_USES: Final = {
    "\\Sent": (
        "sent|sent items|sent messages|sent mail|[gmail]/sent mail|[google mail]/sent mail|gesendet"
        "|gesendete objekte|gesendete elemente|envoyés|messages envoyés|éléments envoyés|enviados"
        "|elementos enviados|posta inviata|inviata|verzonden|verzonden items|outbox.sent"
    ),
    "\\Trash": (
        "trash|deleted items|deleted messages|deleted|bin|[gmail]/trash|[gmail]/bin"
        "|[google mail]/trash|[google mail]/bin|papierkorb|gelöschte objekte|gelöschte elemente"
        "|corbeille|éléments supprimés|papelera|elementos eliminados|cestino|posta eliminata"
        "|prullenbak|verwijderde items"
    ),
    "\\Junk": (
        "junk|spam|junk e-mail|junk email|junk mail|bulk mail|[gmail]/spam|[google mail]/spam"
        "|junk-e-mail|spamverdacht|unerwünscht|courrier indésirable|indésirables|pourriel"
        "|correo no deseado|posta indesiderata|ongewenste e-mail"
    ),
    "\\Drafts": (
        "drafts|draft|[gmail]/drafts|[google mail]/drafts|entwürfe|brouillons|borradores|bozze"
        "|concepten"
    ),
    "\\Archive": "archive|archives|archiv|archivo|archivio|archief",
}
_USE_OF: Final = {name: use for use, known in _USES.items() for name in known.split("|")}
_PLAIN: Final = {
    "\\Sent": "sent",
    "\\Trash": "trash",
    "\\Junk": "junk",
    "\\Drafts": "drafts",
    "\\Archive": "archive",
}


def uses(names: Iterable[str]) -> dict[str, str]:
    """The special use of each of these names that tells one; each use once."""
    found: dict[str, str] = {}
    by_folded = {unicodedata.normalize("NFC", name).casefold(): name for name in names}
    for use, plain in _PLAIN.items():
        if plain in by_folded:
            found[by_folded[plain]] = use
    for folded in sorted(by_folded):
        use = _USE_OF.get(folded, "")
        if use and use not in found.values():
            found[by_folded[folded]] = use
    return found


def fitting(name: str) -> str:
    """A name that a mailbox may have here, as near as can be to this one."""
    try:
        return checked(name)
    except Invalid:
        pass
    levels = [_level(level) for level in canonical(name).split(SEPARATOR)]
    name = SEPARATOR.join(level for level in levels if level)
    while len(name.encode()) > MAX_NAME:
        name = name.rpartition(SEPARATOR)[0]
    return canonical(name) if name else INBOX


def _level(level: str) -> str:
    kept = []
    for letter in level:
        try:
            checked("x" + letter + "x")
        except Invalid:
            kept.append("_")
        else:
            kept.append(letter)
    text = "".join(kept).strip()
    if text in {".", ".."} or text[:1] in {"~", "#"}:
        text = "_" + text[1:]
    while len(text.encode()) > MAX_LEVEL:
        text = text[:-1].strip()
    return text
