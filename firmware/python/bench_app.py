"""The default application."""


def main():
    """Nothing to do until the servers are part of the firmware."""
