"""``python -m postroom`` is the same as ``postroom``."""

from postroom.cli.main import main

if __name__ == "__main__":
    main()
