"""The milter protocol, version 6 and older ones down to 2, from the side of the mail server.

``packets`` frames, ``options`` is what both sides agree on, ``answers`` is what a milter says,
``session`` keeps order. Nothing here waits or reads a socket.

There is no RFC: the protocol is what Sendmail's libmilter speaks.
"""
