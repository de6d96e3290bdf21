"""Deployed Lambdas, run for real: their code as it was uploaded, under AWS's own runtime."""

import json
import queue
import subprocess
import sys
import threading
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from pathlib import Path
from typing import Any

from tests.cloud.emulated_aws import EmulatedAws


class LambdaError(Exception):
    """A handler raised; the message is its exception's."""


class RunningLambda:
    """One function: a process that asks this server for events, as in AWS (the Runtime API)."""

    def __init__(self, properties: dict[str, Any], aws: EmulatedAws, folder: Path) -> None:
        code = properties["Code"]
        with zipfile.ZipFile(BytesIO(aws.asset(code["S3Bucket"], code["S3Key"]))) as archive:
            archive.extractall(folder)
        self.events: queue.Queue[str] = queue.Queue()
        self.results: queue.Queue[tuple[bool, Any]] = queue.Queue()
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _runtime_api(self))
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        environment = {
            **aws.environment,
            **properties.get("Environment", {}).get("Variables", {}),
            "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{self._server.server_port}",
            "AWS_LAMBDA_FUNCTION_NAME": "function",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(properties["MemorySize"]),
            "LAMBDA_TASK_ROOT": str(folder),
            "PYTHONPATH": str(folder),
        }
        self._process = subprocess.Popen(
            [sys.executable, "-m", "awslambdaric", properties["Handler"]],
            cwd=folder,
            env=environment,
            stdout=subprocess.DEVNULL,
        )

    def invoke(self, event: dict[str, Any]) -> Any:
        """Return what the handler returns.

        Raises
        ------
        LambdaError
            If it raises.
        """
        with self._lock:
            self.events.put(json.dumps(event))
            good, result = self.results.get(timeout=60)
        if not good:
            raise LambdaError(result["errorMessage"])
        return result

    def stop(self) -> None:
        self._process.kill()
        self._process.wait()
        self._server.shutdown()
        self._server.server_close()


class Lambdas:
    """All deployed functions, each started when it is first called."""

    def __init__(self, aws: EmulatedAws, folder: Path) -> None:
        self._aws, self._folder = aws, folder
        self._running: dict[str, RunningLambda] = {}

    def invoke(self, arn: str, event: dict[str, Any]) -> Any:
        """Call the function that an ARN, or an address that holds one, names."""
        functions = self._aws.of("Lambda::Function")
        name = next(name for name in functions if f":function:{name}" in arn)
        if name not in self._running:
            folder = self._folder / name
            self._running[name] = RunningLambda(functions[name], self._aws, folder)
        return self._running[name].invoke(event)

    def stop(self) -> None:
        for function in self._running.values():
            function.stop()
        self._running.clear()


def _runtime_api(function: RunningLambda) -> type[BaseHTTPRequestHandler]:
    class RuntimeApi(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            body = function.events.get().encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Lambda-Runtime-Aws-Request-Id", "1")
            self.send_header("Lambda-Runtime-Deadline-Ms", "4102444800000")
            self.send_header("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:::function")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            function.results.put((self.path.endswith("/response"), json.loads(body)))
            self.send_response(202)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    return RuntimeApi
