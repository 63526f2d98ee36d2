"""What pooch imports for a progress bar that is not used here; tqdm leads on to pandas and more."""

excludedimports = ["paramiko", "tqdm"]
