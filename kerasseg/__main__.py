"""`python -m kerasseg`, the same as the `kerasseg` command, but slower.

Python imports the package, and thereby keras, before this module.
"""

import sys

from kerasseg.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
