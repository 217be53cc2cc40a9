import pytest
from hypothesis import given, strategies as st

from postroom.message.failures import FAILURES, MAX_TEXT, MEANINGS, classify, of_reply

REPLIES = [
    # no such mailbox, as servers and providers say it
    ("no-mailbox", "550 5.1.1 <bob@example.net>: Recipient address rejected: User unknown in virtual mailbox table"),
    ("no-mailbox", "550 5.1.1 The email account that you tried to reach does not exist. Please try double-checking the recipient's email address for typos / https://support.example/?p=NoSuchUser - gsmtp"),
    ("no-mailbox", "550 5.2.1 The email account that you tried to reach is inactive. For more information, go to https://support.example/?p=DisabledUser"),
    ("no-mailbox", "550 5.5.0 Requested action not taken: mailbox unavailable (S2017062302)."),
    ("no-mailbox", "550 Requested action not taken: mailbox unavailable"),
    ("no-mailbox", "550 5.4.1 Recipient address rejected: Access denied. [AM4PEPF.prod.protection.example]"),
    ("no-mailbox", "550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient bob@example.net not found by SMTP address lookup"),
    ("no-mailbox", "554 delivery error: dd This user doesn't have a yahoo.example account (bob@yahoo.example) [0]"),
    ("no-mailbox", "552 1 Requested mail action aborted, mailbox not found"),
    ("no-mailbox", "550 5.1.1 unknown or illegal alias: bob@example.net"),
    ("no-mailbox", "550 Unrouteable address"),
    ("no-mailbox", "550 No such user here"),
    ("no-mailbox", "550 Invalid recipient"),
    ("no-mailbox", "550 unknown user <bob@example.net>"),
    ("no-mailbox", "550 Message was not accepted -- invalid mailbox. Local mailbox bob@mail.example is unavailable: user not found"),
    ("no-mailbox", "554 5.7.1 <bob@example.net>: User unknown"),
    ("no-mailbox", "450 4.1.1 <bob@example.net>: Recipient address rejected: unverified address"),
    ("no-mailbox", "550 5.1.6 recipient no longer on server"),
    ("no-mailbox", "550 5.7.17 The mailbox has another owner now"),
    ("no-mailbox", "550 #5.1.0 Address rejected."),
    ("no-mailbox", "511 sorry, no mailbox here by that name (#5.1.1 - chkuser)"),
    # the name of somebody is no word of the server
    ("no-mailbox", "550 5.1.1 <spam-policy@blacklist.example>: User unknown"),
    # full
    ("full", "552 5.2.2 The email account that you tried to reach is over quota and inactive."),
    ("full", "452 4.2.2 The recipient's inbox is out of storage space."),
    ("full", "550 Mailbox quota exceeded"),
    ("full", "552 Requested mail action aborted: exceeded storage allocation"),
    ("full", "550 5.1.1 bob: mailbox is full"),
    ("full", "554 5.2.2 mailbox full; STOREDRV.Deliver.Exception:QuotaExceededException"),
    ("full", "552 something that says nothing"),
    # policy
    ("policy", "550 5.7.1 Our system has detected that this message is likely unsolicited mail."),
    ("policy", "550 5.7.26 This mail has been blocked because the sender is unauthenticated."),
    ("policy", "421 4.7.28 Our system has detected an unusual rate of unsolicited mail"),
    ("policy", "450 4.2.1 The user you are trying to contact is receiving mail at a rate that prevents additional messages from being delivered."),
    ("policy", "421 4.7.0 [TSS04] Messages temporarily deferred due to unexpected volume or user complaints"),
    ("policy", "554 5.7.9 Message not accepted for policy reasons."),
    ("policy", "450 4.2.0 <bob@example.net>: Recipient address rejected: Greylisted, see http://postgrey.example/help"),
    ("policy", "451 4.7.1 Greylisting in action, please come back later"),
    ("policy", "550 5.1.1 Rejected: this message looks like spam"),
    ("policy", "550 Administrative prohibition"),
    ("policy", "450 4.1.8 <ann@example.org>: Sender address rejected: Domain not found"),
    ("policy", "550 5.7.1 [CS01] Message rejected due to local policy."),
    ("policy", "550 5.2.121 RESOLVER: recipient's per-sender rate limit exceeded"),
    ("policy", "550 Mailbox unavailable or access denied"),
    ("policy", "550 Reverse DNS lookup failed"),
    ("policy", "550 5.7.1 Mailbox unavailable"),
    ("policy", "554 5.7.1 Virus found"),
    # our address
    ("blocked", "554 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using zen.dnsbl.example"),
    ("blocked", "550 5.7.1 Unfortunately, messages from [192.0.2.1] weren't sent. Please contact your Internet service provider since part of their network is on our block list (S3140)."),
    ("blocked", "550 5.7.606 Access denied, banned sending IP [192.0.2.1]"),
    ("blocked", "553 5.7.1 [BL21] Connections will not be accepted from 192.0.2.1, because the ip is in Spamhaus's list"),
    ("blocked", "554 IP=192.0.2.1 - A problem occurred. Ask your postmaster for help or to contact us"),
    ("blocked", "554 Blocked - see https://ipcheck.proofpoint.com/?ip=192.0.2.1"),
    ("blocked", "550 5.1.1 Your IP address is blacklisted"),
    ("blocked", "421 4.7.0 IP 192.0.2.1 has a poor reputation"),
    # domain and DNS
    ("domain", "550 5.1.2 The domain nowhere.example does not exist"),
    ("domain", "550 5.1.10 The domain x.example takes no mail (null MX)"),
    ("domain", "451 4.4.3 timeout of x.example: no answer"),
    ("domain", "550 5.4.4 x.example has no address"),
    ("domain", "556 Domain does not accept mail"),
    ("domain", "554 5.7.1 <bob@x.example>: Relay access denied"),
    ("domain", "550 5.4.310 DNS domain x.example does not exist"),
    ("domain", "521 example.net does not speak"),
    # TLS
    ("tls", "454 4.7.4 The server does not offer STARTTLS"),
    ("tls", "454 4.7.5 TLS failed: certificate verify failed"),
    ("tls", "530 5.7.0 Must issue a STARTTLS command first"),
    ("tls", "550 5.7.30 REQUIRETLS support required"),
    # size
    ("size", "552 5.3.4 Message size exceeds fixed limit"),
    ("size", "552 Message too large"),
    ("size", "550 5.2.3 Message size exceeds the limit of the mailbox"),
    # connection
    ("connection", "451 4.4.1 mx.example.net: Connection refused"),
    ("connection", "451 4.4.2 The connection ended before its turn"),
    ("connection", "421 connection timed out"),
    # a report without the reply
    ("no-mailbox", "5.1.1"),
    ("full", "5.2.2 bob"),
    ("other", "5.0.0"),
    # the rest
    ("other", "451 4.3.0 Internal error"),
    ("other", "550 No"),
    ("other", "535 5.7.8 Authentication credentials invalid"),
    ("other", "554 5.4.6 Too many hops"),
    ("other", ""),
    ("other", "words without a code"),
]  # fmt: skip


@pytest.mark.parametrize(("failure", "reply"), REPLIES, ids=lambda value: value[:50])
def test_a_reply_has_its_class(failure: str, reply: str) -> None:
    assert of_reply(reply) == failure


def test_what_was_taken_has_none() -> None:
    assert of_reply("250 2.0.0 Ok: queued") is None
    assert of_reply("250 Ok") is None
    assert of_reply("2.0.0 Ok") is None


def test_the_words_are_explained() -> None:
    assert tuple(MEANINGS) == FAILURES


@given(st.integers(0, 599), st.from_regex(r"([245]\.[0-9]{1,3}\.[0-9]{1,3})?\Z"), st.text())
def test_whatever_is_said_has_a_class(code: int, status: str, text: str) -> None:
    assert classify(code, status, text) in FAILURES
    assert of_reply(f"{code} {status} {text}") in {*FAILURES, None}


def test_no_more_is_read_than_the_beginning() -> None:
    assert classify(550, "", "x " * (MAX_TEXT // 2) + "spam") == "other"
    assert classify(550, "", "x " * (MAX_TEXT // 2 - 2) + "spam") == "policy"
