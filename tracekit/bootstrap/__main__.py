"""Prints the folder to put on PYTHONPATH."""

import sys

sys.stdout.write(__file__.rpartition("/")[0] + "\n")
