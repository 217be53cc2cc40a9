"""Every setting that needs a restart, typed and documented, and the loading of them.

``model`` is the list, ``load`` reads a file, ``checks`` compares settings with each other.
What changes while the server runs (domains, accounts, aliases) lives in the directory.
"""
