"""Lets `python -m digitcnn` do what the command `digitcnn` does."""

from digitcnn.cli import console

console()
