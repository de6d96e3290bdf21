"""A keyring in a JSON file, for processes whose environment names this class."""

import json
import os
from pathlib import Path

from keyring.backend import KeyringBackend
from keyring.errors import KeyringLocked, PasswordDeleteError


class FileKeyring(KeyringBackend):
    """Keeps everything in the file that KEYRING_FILE names."""

    priority = 1.0

    def _kept(self) -> dict[str, str]:
        file = Path(os.environ["KEYRING_FILE"])
        if file.exists() and file.read_text() == "locked":
            raise KeyringLocked("it is locked")
        return json.loads(file.read_text()) if file.exists() else {}

    def _keep(self, kept: dict[str, str]) -> None:
        Path(os.environ["KEYRING_FILE"]).write_text(json.dumps(kept))

    def get_password(self, service: str, username: str) -> str | None:
        return self._kept().get(f"{service} {username}")

    def set_password(self, service: str, username: str, password: str) -> None:
        self._keep({**self._kept(), f"{service} {username}": password})

    def delete_password(self, service: str, username: str) -> None:
        kept = self._kept()
        if kept.pop(f"{service} {username}", None) is None:
            raise PasswordDeleteError("there is none")
        self._keep(kept)
