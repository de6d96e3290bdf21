"""How log lines look, in whichever process."""

import logging


def log_to_stderr() -> None:
    """Write log lines to standard error from here on."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
