"""Messages for those who read mail in a browser."""

import base64

PLAIN = (
    b"From: Ann <ann@far.test>\r\nTo: bob@demo.test\r\nCc: Carl <carl@far.test>\r\n"
    b"Subject: A plain word\r\nMessage-ID: <one@far.test>\r\nDate: Mon, 1 Jun 2026 10:00:00 +0000\r\n"
    b"\r\nHello Bob,\r\nsee https://far.test/a?b=1&c=2.\r\n> before\r\n"
)
PIXEL = b"\x89PNG\r\n\x1a\nabc"
RICH = (
    b"From: Shop <news@shop.test>\r\nTo: bob@demo.test\r\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?= <b>\r\n"
    b"Message-ID: <two@shop.test>\r\nReferences: <zero@shop.test>\r\nMIME-Version: 1.0\r\n"
    b"Content-Type: multipart/mixed; boundary=out\r\n\r\n"
    b"--out\r\nContent-Type: multipart/related; boundary=rel\r\n\r\n"
    b"--rel\r\nContent-Type: multipart/alternative; boundary=alt\r\n\r\n"
    b"--alt\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nCheap things\r\n"
    b"--alt\r\nContent-Type: text/html; charset=utf-8\r\n\r\n"
    b'<body onload="x()"><script>steal()</script><p>Cheap <b onclick="y()">things</b></p>'
    b'<img src="cid:logo@shop.test"><img src="https://spy.test/p.gif"><a href="https://shop.test/">go</a>'
    b'<a href="javascript:z()">no</a></body>\r\n'
    b"--alt--\r\n"
    b"--rel\r\nContent-Type: image/png\r\nContent-ID: <logo@shop.test>\r\n"
    b"Content-Transfer-Encoding: base64\r\n\r\n" + base64.encodebytes(PIXEL) + b"\r\n--rel--\r\n"
    b'--out\r\nContent-Type: application/pdf; name="../../price list.pdf"\r\n'
    b"Content-Disposition: attachment\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    + base64.encodebytes(b"%PDF-1.4 prices")
    + b"\r\n--out--\r\n"
)  # fmt: skip
