"""Commands, one module a noun; each calls one ``admin`` function and prints it.

Tables for people, ``--json`` for programs. Holds no decision of its own.
"""
