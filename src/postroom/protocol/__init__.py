"""Sans-IO protocol cores: octets in, events out, answers in, octets out.

A core settles what is *legal*; it knows no socket, clock, file or database.
"""
