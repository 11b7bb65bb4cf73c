"""``python -m tnc``."""

import sys

from tnc.cli import main

if __name__ == "__main__":
    sys.exit(main())
