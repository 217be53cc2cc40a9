"""What proves who sent a message, and to whom: DKIM, MTA-STS, DANE, TLS reports, SRS.

Pure: what a check needs of the network it asks for as a value (``lookups``), time is an argument.
"""
