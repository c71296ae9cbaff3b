"""All benchmarks, one table: ``python tests/benchmarks``; ``--help`` tells the rest."""

import sys

from command import main

if __name__ == "__main__":
    sys.exit(main())
