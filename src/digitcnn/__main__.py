"""Lets `python -m digitcnn` do what the command `digitcnn` does."""

import sys

from digitcnn.cli import main

sys.exit(main())
