"""``python -m torchvectors``: the command."""

import sys

from torchvectors.cli import main

if __name__ == "__main__":
    sys.exit(main())
