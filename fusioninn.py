"""`python -m fusioninn` is the command `fusioninn`; the library is the package FusionINNLib."""
import sys

from FusionINNLib.cli.__main__ import main

if __name__ == "__main__":
    sys.exit(main())
