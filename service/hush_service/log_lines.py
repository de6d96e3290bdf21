"""How log lines look, in whichever process."""

import logging


def log_to_stderr(form: type[logging.Formatter] = logging.Formatter) -> None:
    """Write log lines to standard error from here on, in a form that may say more."""
    handler = logging.StreamHandler()
    handler.setFormatter(form("%(asctime)s %(levelname)s %(message)s"))
    logging.basicConfig(level=logging.INFO, handlers=[handler])
