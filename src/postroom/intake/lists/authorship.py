"""Whether a post may name its author in From, or has to name the list.

Members' servers ask DMARC. A post has passed through the list, so SPF proves nothing of its author,
and only a DKIM signature does: one of theirs that what the list adds has not broken, or ours, where
the domain of the author is signed for here. Where there is none, and the domain wants such messages
refused or put aside, members would not get the post, and would look as if they could not be reached.

RFC 9989 §5.3 (what receivers do), §7.4 (lists). What a DNS that does not answer leaves open is
taken for a need.
"""

from collections.abc import Sequence
from typing import Final

from postroom.directory import dkim_keys
from postroom.intake.lists import posting
from postroom.intake.services import Services
from postroom.mailauth import dkim_verify, dmarc
from postroom.mailauth.dkim_verify import Verifier
from postroom.message import list_fields
from postroom.policy.asking import Asking

MAX_DOMAINS: Final = 5  # of authors that are asked for; of more than that, the list is the author

_ANY: Final = list_fields.personal("leave@list.invalid", "https://list.invalid/")


def verifier(head: bytes, added: bytes, now: int) -> Verifier:
    """Reads the body of a post along; ``added`` is what the list puts on top for everybody.

    ``now`` in UTC milliseconds.
    """
    return dkim_verify.Verifier(_ANY + added + list_fields.stripped(head), now=now // 1000)


async def needs_list(services: Services, head: bytes, signatures: Verifier) -> str:
    """The domain for whose sake the post must name the list; "" where its author may stay.

    ``signatures`` has read the whole body.
    """
    domains = list(dict.fromkeys(one.domain.ascii for one in posting.authors(head)))
    signed = await services.directory.look(
        lambda tx: [one for one in domains if dkim_keys.signs(tx, one)]
    )
    strange = [one for one in domains if one not in signed]
    if not strange or services.resolver is None:
        return ""
    asking = Asking(services.resolver)
    try:
        return await _refusing(asking, strange, signatures)
    finally:
        asking.close()


async def _refusing(asking: Asking, domains: Sequence[str], signatures: Verifier) -> str:
    """The first of these whose DMARC would fail with consequences."""
    if len(domains) > MAX_DOMAINS:
        return domains[0]
    results = await asking.run(signatures.check(), is_heavy=True)
    passed = [one.domain for one in results if one.outcome == "pass"]
    for domain in domains:
        found = await asking.run(dmarc.check(domain, spf=None, dkim=passed))
        if found.outcome == "temperror" or (found.outcome == "fail" and found.policy != "none"):
            return domain
    return ""
