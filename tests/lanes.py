"""What tests need beyond the environment, as markers, by where a test lies and never by hand.

``pytest --unit`` leaves out everything that is named here, and does not even import it.
"""

from fnmatch import fnmatch
from pathlib import PurePath

MARKERS = {
    "browser": "needs the built page, and most of it real browsers",
    "cloud": "synthesises templates, or works on an emulated AWS",
    "generated": "tries out what an API's description allows",
    "model": "runs a model, or compares with openai-whisper",
    "process": "starts the service, the command line, an installation or Redis",
}

PLACES = (
    ("ui/*", "browser"),
    ("cloud/*", "cloud"),
    ("deploy/*", "cloud"),
    ("lambdas/*", "cloud"),
    ("stacks/*", "cloud"),
    ("ami/*", "cloud"),
    ("service/instance/*", "cloud"),
    ("service/*test_quota.py", "cloud"),
    ("service/*test_openapi.py", "generated"),
    ("service/*test_redis_cache.py", "process"),
    ("models/*", "model"),
    ("hush/test_mel.py", "model"),
    ("service/engine/*", "model"),
    ("service/weights/*", "model"),
    ("service/*test_request_id.py", "process"),
    ("service/*test_server.py", "process"),
    ("service/*test_traces.py", "process"),
    ("hush/test_account.py", "process"),
    ("hush/test_cli.py", "process"),
    ("hush/test_inputs.py", "process"),
    ("hush/test_privacy.py", "process"),
    ("hush/test_reading.py", "process"),
    ("bench/*", "process"),
    ("test_cases.py", "model"),
    ("test_demo.py", "process"),
    ("test_end_to_end.py", "process"),
    ("test_wheel.py", "process"),
)
"""Folders and files in ``tests/``, where ``*`` stands for any folders as well."""


def marker(path: PurePath) -> str | None:
    """Return the marker of a file or folder in ``tests/``; None says that it needs nothing."""
    for pattern, name in PLACES:
        if fnmatch(path.as_posix(), pattern) or fnmatch(f"{path.as_posix()}/", pattern):
            return name
    return None
