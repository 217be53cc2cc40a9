"""Domains, accounts, aliases, credentials: who receives and who may log in.

``directory.Directory`` is what other packages hold. Under it: ``names`` (when are two
local parts the same), ``domains``, ``accounts``, ``addresses``, ``aliases`` and
``credentials`` (rows; functions of an open transaction), ``expand`` and ``resolver``
(where a letter goes, cached), ``passwords`` and ``login`` (who may log in), ``version``
and ``secrets``. Whether mail is accepted at all is decided by ``intake``.
"""
