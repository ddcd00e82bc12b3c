"""`python -m FusionINNLib` is the command `fusioninn`."""
import sys

from FusionINNLib.cli.__main__ import main

if __name__ == "__main__":
    sys.exit(main())
