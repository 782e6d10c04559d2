"""`python -m kerasseg`, the same as the `kerasseg` command."""

import sys

from kerasseg.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
