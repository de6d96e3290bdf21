"""The commands that tests may run by name, wherever they are started.

They come from the virtual environment, from `node_modules`, from the packages that `make test` asks
`setup.sh` for, and from what a machine has before it can run `make test`. What else happens to be
installed is not found, so that a test that needs it fails here and not on a newcomer's machine.
"""

import os
import re
import shutil
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]

SYSTEM = (
    *("node", "npm", "make"),
    *("sh", "bash", "env", "test", "expr", "true", "uname", "id"),
    *("cat", "cp", "ln", "mkdir", "mktemp", "mv", "rm", "stat", "touch", "chmod", "tee"),
    *("basename", "dirname", "readlink", "realpath"),
    *("expand", "find", "grep", "head", "sed", "sort", "tail", "tr", "wc", "xargs"),
)
"""What the README asks for, and what every Unix has."""


def from_packages() -> list[str]:
    """Return the commands that `make test` installs Debian packages for."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    asked = re.search(r"setup\.sh packages (.*)", makefile)
    assert asked is not None
    variables = re.findall(r"\$\((\w+)\)", asked[1])
    lists = [re.search(rf"^{name} := (.*)", makefile, re.MULTILINE) for name in variables]
    return [each.partition("=")[0] for names in lists if names for each in names[1].split()]


def search_path(links: Path) -> str:
    """Return a PATH with these commands alone.

    Parameters
    ----------
    links
        An empty folder, into which links to the system's commands are put.
    """
    for name in (*SYSTEM, *from_packages()):
        if found := shutil.which(name):
            (links / name).symlink_to(found)
    folders = (Path(sys.executable).parent, ROOT / "node_modules" / ".bin", links)
    return os.pathsep.join(map(str, folders))
