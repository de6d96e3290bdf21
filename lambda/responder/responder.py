"""Words while no GPU is awake: the service itself, with a small model, within a Lambda.

The load balancer passes pictures here as long as its door is closed. They are answered by the same
code as on an instance, with the engine in this process; the answer says which model it was, and
which larger ones are on their way. Meanwhile the status Lambda is told, which wakes the fleet.

The weights are fetched while Python imports, the model loads while the application is put together.
"""

import json
import logging
import os
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fetching import fetch
from hush.contracts.door import STARTING
from hush.contracts.errors import error_body
from hush.contracts.headers import REQUEST, TIER, WAKING_TIERS
from signed import UnavailableError, ask, call
from stopped import fleet_is_stopped

if TYPE_CHECKING:
    from mangum import Mangum

    from embedded import Counted
    from hush_service.core.served_models import ServedModels

log = logging.getLogger(__name__)

HERE = Path(__file__).parent
DISK = Path(os.environ.get("HUSH_DISK", "/tmp"))
BEGUN = time.monotonic()

_service: "list[tuple[Mangum, Counted, ServedModels]]" = []
"""The service, once it could be put together."""
_served: list[bool] = []


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Answer the load balancer, and have the fleet woken meanwhile."""
    cold = not _served
    telling = threading.Thread(target=tell, args=(event,))
    telling.start()
    try:
        application, counted, models = service()
    except Exception as error:
        # The next request tries again.
        log.exception("the responder cannot start")
        _service.clear()
        return _not_now(event, str(error))
    else:
        models.stopped = fleet_is_stopped()
        answer: dict[str, Any] = application(event, context)
        _served.append(True)
        if _is_for_the_fleet(answer):
            tell(event, wake=True)
        since = time.monotonic() - BEGUN
        started = {"cold_start_seconds": round(since, 3)} if cold else {}
        print(counted.line(request=_headers(event).get(REQUEST), **started))
        return answer
    finally:
        # Lambda stops the clock once it has the answer.
        telling.join()


def service() -> "tuple[Mangum, Counted, ServedModels]":
    """Return the service with its model loaded.

    Raises
    ------
    Exception
        If AWS does not give what it wants, or the model is damaged.
    """
    if not _service:
        with ThreadPoolExecutor(2) as beside:
            name = os.environ["HUSH_RESPONDER_MODEL"]
            url = os.environ["HUSH_WEIGHTS_URL"]
            folder = beside.submit(fetch, url, HERE / "model", DISK / name)
            _service.append(_put_together(folder, beside.submit(_gateway_key)))
    return _service[0]


def _put_together(
    folder: "Future[Path]", key: "Future[str]"
) -> "tuple[Mangum, Counted, ServedModels]":
    from mangum import Mangum
    from pydantic import SecretStr

    import hush_service.engine.ctranslate2  # noqa: F401
    from embedded import Counted
    from hush_service.core.served_models import ServedModels
    from hush_service.engine.loading import load_unheard
    from hush_service.settings import ServiceSettings
    from hush_service.web.app import create_app

    settings = ServiceSettings(
        models=(str(folder.result()),),
        api_key=SecretStr(key.result()),
        device="cpu",
        engine="ctranslate2",
        download_folder=DISK,
        # One at a time is all that a function is given: nothing is to be found out.
        batch=1,
        replicas=1,
    )
    models = ServedModels(settings.models, settings.coming)
    loading = threading.Thread(
        target=models.load, args=(lambda source: load_unheard(settings, source),)
    )
    loading.start()
    app = create_app(settings, models)
    loading.join()
    models.any_ready()
    counted = Counted(app.state.metrics.registry, os.environ["HUSH_GROUP"])
    return Mangum(app, lifespan="off"), counted, models


def tell(event: dict[str, Any], wake: bool = False) -> None:
    """Tell the status Lambda that somebody who may wants words, and do not wait for what it does.

    Parameters
    ----------
    event
        The request.
    wake
        Whether the fleet is to be woken for this one alone.
    """
    if _headers(event).get(TIER) not in WAKING_TIERS:
        return
    segment = event["httpMethod"] == "POST"
    name, region = os.environ["HUSH_STATUS_FUNCTION"], os.environ["AWS_REGION"]
    url = f"https://lambda.{region}.amazonaws.com/2015-03-31/functions/{name}/invocations"
    body = json.dumps({"segment": segment, "wake": wake}).encode()
    try:
        ask("lambda", "POST", url, {"X-Amz-Invocation-Type": "Event"}, body).close()
    except UnavailableError as error:
        log.error("the fleet cannot be woken: %s", error)


def _headers(event: dict[str, Any]) -> dict[str, str]:
    """Return a request's headers, by their names in small letters."""
    return {name.lower(): value for name, value in event["headers"].items()}


def _is_for_the_fleet(answer: dict[str, Any]) -> bool:
    """Tell whether what the fleet alone can do was wanted."""
    if answer["statusCode"] != HTTPStatus.SERVICE_UNAVAILABLE:
        return False
    return bool(json.loads(answer["body"])["error"]["code"] == STARTING)


def _gateway_key() -> str:
    """Return the secret by which API Gateway is known."""
    secret = {"SecretId": os.environ["HUSH_GATEWAY_KEY_SECRET"]}
    answer = call("secretsmanager", "secretsmanager.GetSecretValue", "1.1", secret)
    return str(answer["SecretString"])


def _not_now(event: dict[str, Any], why: str) -> dict[str, Any]:
    message = "the service is starting; try again in a minute"
    request = _headers(event).get(REQUEST)
    print(json.dumps({"event": "unavailable", "why": why, "request": request}))
    return {
        "statusCode": 503,
        "headers": {"content-type": "application/json", "retry-after": "10"},
        "body": json.dumps(error_body(503, message, code=STARTING, request=request)),
    }


try:
    service()
except Exception:
    # Told by the first request, which tries again.
    log.exception("the responder cannot start yet")
    _service.clear()
