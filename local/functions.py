"""Lambdas, run for real: their code in processes of their own, under AWS's own runtime."""

import json
import queue
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote

Invoke = Callable[[dict[str, Any]], Any]
"""Calls a function with an event, and returns what its handler returns."""
LONGEST_SECONDS = 240
"""A function that takes longer hangs."""


class LambdaError(Exception):
    """A handler raised; the message is its exception's."""


class Function:
    """One function: a process that asks this one for events, as in AWS (the Runtime API).

    Parameters
    ----------
    handler
        Module and function, such as "auth.handler".
    paths
        Where its modules are.
    environment
        Its whole environment.
    log
        File for what it prints.

    Attributes
    ----------
    process
        Its process.
    """

    def __init__(
        self, handler: str, paths: Sequence[Path], environment: Mapping[str, str], log: Path
    ) -> None:
        self.events: queue.Queue[str] = queue.Queue()
        self.results: queue.Queue[tuple[bool, Any]] = queue.Queue()
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _runtime_api(self))
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        with log.open("ab") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "awslambdaric", handler],
                cwd=paths[0],
                env={
                    **environment,
                    "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{self._server.server_port}",
                    "AWS_LAMBDA_FUNCTION_NAME": "function",
                    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "1024",
                    "LAMBDA_TASK_ROOT": str(paths[0]),
                    "PYTHONPATH": ":".join(map(str, paths)),
                    "PYTHONDONTWRITEBYTECODE": "1",
                },
                stdout=output,
                # Ctrl-C is for this process, which ends the others.
                start_new_session=True,
            )

    def __call__(self, event: dict[str, Any]) -> Any:
        """Return what the handler returns.

        Raises
        ------
        LambdaError
            If it raises.
        """
        with self._lock:
            self.events.put(json.dumps(event))
            good, result = self.results.get(timeout=LONGEST_SECONDS)
        if not good:
            raise LambdaError(result["errorMessage"])
        return result

    def stop(self) -> None:
        """End its process."""
        self.process.kill()
        self.process.wait()
        self._server.shutdown()
        self._server.server_close()


@contextmanager
def lambda_api(invoke: Callable[[str, dict[str, Any]], Any]) -> Iterator[str]:
    """Serve the one call of Lambda's API by which a function invokes another, and give its address.

    Parameters
    ----------
    invoke
        Takes a function's name or ARN, and the event.
    """

    class Api(_Quiet):
        def do_POST(self) -> None:
            name = unquote(self.path.split("/")[3])
            event = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            try:
                self.answer(200, invoke(name, event))
            except LambdaError as error:
                self.answer(
                    200, {"errorMessage": str(error)}, {"X-Amz-Function-Error": "Unhandled"}
                )

    with ThreadingHTTPServer(("127.0.0.1", 0), Api) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


class _Quiet(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self, status: int, body: Any, headers: Mapping[str, str] | None = None) -> None:
        encoded = json.dumps(body).encode()
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", **(headers or {})}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(encoded)))
        self.end_headers()
        self.wfile.write(encoded)

    def log_message(self, *_: Any) -> None:
        pass


def _runtime_api(function: Function) -> type[BaseHTTPRequestHandler]:
    class RuntimeApi(_Quiet):
        def do_GET(self) -> None:
            event = json.loads(function.events.get())
            headers = {
                "Lambda-Runtime-Aws-Request-Id": "1",
                "Lambda-Runtime-Deadline-Ms": "4102444800000",
                "Lambda-Runtime-Invoked-Function-Arn": "arn:aws:lambda:::function",
            }
            self.answer(200, event, headers)

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            function.results.put((self.path.endswith("/response"), json.loads(body)))
            self.answer(202, {})

    return RuntimeApi
