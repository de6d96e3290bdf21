"""Synthesis as the pipeline does it: by `make synth`'s command, in CodeBuild, without permissions.

AWS refuses everything there: whatever the CDK wants to look up is not to be had.
"""

import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from stacks.functions import LIBRARIES
from stacks.settings import Settings

ROOT = Path(__file__).parents[2]
CDK = ROOT / "node_modules" / ".bin" / "cdk"
LEFT_OUT = shutil.ignore_patterns(
    ".*", "__pycache__", "build", "cdk.out", "cloud.toml", "node_modules", "target"
)


class _Refusal(BaseHTTPRequestHandler):
    def answer(self) -> None:
        self.rfile.read(int(self.headers.get("content-length", 0)))
        body = b"<ErrorResponse><Error><Code>AccessDenied</Code></Error></ErrorResponse>"
        self.send_response(403)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = do_PUT = answer  # noqa: N815

    def log_message(self, *_: Any) -> None:
        pass


@contextmanager
def _denying_aws() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Refusal) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://localhost:{server.server_port}"
        server.shutdown()
        thread.join()


def cloud_toml(settings: Settings) -> str:
    """Write settings as `make app` finds them."""
    values = settings.model_dump(mode="json", exclude_none=True)
    return "".join(f"{name} = {json.dumps(value)}\n" for name, value in values.items())


def synthesize_in_codebuild(settings: Settings, folder: Path) -> None:
    """Synthesise a copy of the project into a folder, which is there only if that worked."""
    copy = folder.with_name(f"{folder.name}-source")
    shutil.copytree(ROOT, copy, ignore=LEFT_OUT)
    (copy / "cloud.toml").write_text(cloud_toml(settings), encoding="utf-8")
    # The Lambdas' libraries would come from the network, and templates do not show them.
    described = json.loads((copy / "cdk.json").read_text(encoding="utf-8"))
    described["context"][LIBRARIES] = False
    (copy / "cdk.json").write_text(json.dumps(described), encoding="utf-8")
    region = str(settings.region)
    kept = {name: each for name, each in os.environ.items() if not name.startswith("AWS_")}
    with _denying_aws() as endpoint:
        environment = kept | {
            "AWS_ENDPOINT_URL": endpoint,
            "AWS_ACCESS_KEY_ID": "testing",
            "AWS_SECRET_ACCESS_KEY": "testing",
            "AWS_SESSION_TOKEN": "testing",
            "AWS_REGION": region,
            "AWS_DEFAULT_REGION": region,
            "AWS_EC2_METADATA_DISABLED": "true",
            "CODEBUILD_BUILD_ID": "synth:0a1b",
            "CODEBUILD_BUILD_ARN": f"arn:aws:codebuild:{region}:{settings.account}:build/synth:0a",
            "CI": "true",
            "PYTHONPATH": str(copy),
        }
        app = f"{sys.executable} app.py"
        ran = subprocess.run(
            [CDK, "--no-notices", "synth", "--quiet", "--app", app, "--output", "cdk.out"],
            cwd=copy,
            env=environment,
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    (copy / "cdk.out").rename(folder)
