"""`python -m hush_service`: the service with settings from the environment alone."""

import sys
from typing import Any

from pydantic import ValidationError

from hush_service.core.served_models import ModelSettingError
from hush_service.settings import ServiceSettings
from hush_service.web.server import serve


def run(**given: Any) -> int:
    """Serve until told to stop.

    Parameters
    ----------
    **given
        Settings that count more than the environment's.

    Returns
    -------
    int
        The process's exit code: 0 after it was told to stop, 1 if no model could be loaded, 2 if
        it could not start. What is wrong is printed.
    """
    try:
        return 0 if serve(ServiceSettings(**given)) else 1
    except ValidationError as error:
        for problem in error.errors():
            setting = "".join(f"HUSH_{part}: ".upper() for part in problem["loc"][:1])
            print(setting + problem["msg"].removeprefix("Value error, "), file=sys.stderr)
    except (ModelSettingError, OSError) as error:
        print(error, file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(run())
