"""How the fleet is, and its waking.

- `GET /status` tells, `POST /status` wakes as well. What is told is a few seconds old, as everybody
  may ask, and AWS has to be asked several times for it.
- Requests that come while nothing is ready end here too, passed on by the load balancer, but for
  those that the responder answers. They wake the fleet if whoever sent them may use it, and are
  told when to come again.
- The responder tells of those that it answers: the fleet is woken by the first, or by as many
  within an hour as are worth it.
- Whenever an instance comes or goes, the *door* is opened or closed: the load balancer's first
  rule, by which everything goes to the fleet. It is open while the load balancer finds an instance
  of the group healthy.
- Once a month it sends itself a request through the API's VPC link, which would fall asleep else.
"""

import json
import os
import time
import urllib.error
import urllib.request
from typing import Any

import boto3
from botocore.exceptions import ClientError

from hush.contracts import door
from hush.contracts.errors import error_body
from hush.contracts.headers import CREDENTIAL, ORIGIN, REQUEST, TIER, WAKING_TIERS

FRESH_SECONDS = 4
"""So long the status is told again, by CloudFront and here."""
HEALTHY_AFTER = 12
"""Seconds in which the load balancer finds a new instance healthy, and some more."""
LOOK_EVERY = 2

HEALTH = "/healthz"

STEPS = {
    "capacity": ("the fleet is waking: a GPU instance has been asked for", 60),
    "no_capacity": (
        "the fleet is waking: EC2 has no spot instance to give yet, and is asked on",
        60,
    ),
    "instance": ("the fleet is waking: an instance is starting", 60),
    "model": ("the fleet is waking: the instance boots and loads its model", 30),
    "health": ("the fleet is waking: the load balancer looks at the instance", 5),
}
"""What is going on while it starts, and after how many seconds to ask again."""


_told: list[tuple[float, dict[str, Any]]] = []
"""When the status was told, and what."""


def handler(event: dict[str, Any], _context: object) -> dict[str, Any] | None:
    """Answer API Gateway or the load balancer, or see to what others tell."""
    if "requestContext" not in event:
        see_to(event)
        return None
    try:
        if "elb" in event["requestContext"]:
            return lobby(event)
        if event["httpMethod"] == "POST":
            wake()
            return answer(200, status())
        return answer(200, lately(), kept=FRESH_SECONDS)
    except ClientError as error:
        # Most likely it is asked too often, which is over in seconds.
        request = request_of(event)
        print(json.dumps({"event": "unavailable", "why": str(error), "request": request}))
        message = "the fleet cannot be asked now; try again"
        return answer(503, error_body(503, message, code="unavailable", request=request), 5)


def see_to(event: dict[str, Any]) -> None:
    """Do what the responder, EventBridge, or the calendar gives cause for."""
    if "keep_awake" in event:
        keep_link_awake(event["keep_awake"], event["secret"])
    elif "segment" in event:
        if event["wake"] or worth_waking(event["segment"]):
            wake()
    elif event.get("source") == "aws.autoscaling":
        reconcile()


def reconcile() -> None:
    """Open or close the door, for which a new instance has to be found healthy first."""
    _told.clear()
    for _ in range(HEALTHY_AFTER // LOOK_EVERY):
        state = fleet_state()
        if state["step"] != "health":
            break
        time.sleep(LOOK_EVERY)
    set_door(state)


def lately() -> dict[str, Any]:
    """Return how the fleet was a few seconds ago, or is."""
    if _told and time.monotonic() - _told[0][0] < FRESH_SECONDS:
        return _told[0][1]
    return status()


def status() -> dict[str, Any]:
    """Return how the fleet is, for people and programs."""
    state = fleet_state()
    set_door(state)
    told = {
        **state,
        "max_body_bytes": int(os.environ["MAX_BODY_BYTES"]),
        "link": _link_state(),
    }
    _told[:] = [(time.monotonic(), told)]
    return told


def lobby(event: dict[str, Any]) -> dict[str, Any]:
    """Answer a request that found nobody: wake the fleet for it, and say when to come again."""
    if wants_words(event):
        wake()
    state = fleet_state()
    set_door(state)
    message = state["detail"]
    if state["state"] == "up":
        message = "the fleet is ready now; try again"
    code = door.ASLEEP if state["state"] == "down" else door.STARTING
    body = error_body(503, message, code=code, request=request_of(event))
    return answer(503, body, state["retry_after"])


def request_of(event: dict[str, Any]) -> str | None:
    """Return what API Gateway calls a request, which it says to what is behind it in a header."""
    headers = {name.lower(): value for name, value in event["headers"].items()}
    named: str | None = event["requestContext"].get("requestId") or headers.get(REQUEST)
    return named


def wants_words(event: dict[str, Any]) -> bool:
    """Tell whether a request is of somebody who may use the fleet, and for more than its health.

    The gateway writes who asks, in place of whatever a client says.
    """
    headers = {name.lower(): value for name, value in event["headers"].items()}
    return headers.get(TIER) in WAKING_TIERS and not event["path"].endswith(HEALTH)


def fleet_state() -> dict[str, Any]:
    """Return whether the fleet is up, starting (and with which step), or down, maybe stopped."""
    group = _group()
    instances = group.get("Instances", [])
    states = [instance["LifecycleState"] for instance in instances]
    serving = {each["InstanceId"] for each in instances if each["LifecycleState"] == "InService"}
    if serving & _healthy():
        return {"state": "up", "step": None, "detail": "ready", "retry_after": 1}
    if stopped(group):
        detail = "stopped: what GPUs may cost this month is spent; nothing wakes them until it ends"
        return {"state": "down", "step": "stopped", "detail": detail, "retry_after": 60}
    if group["DesiredCapacity"] == 0:
        detail = "asleep: the next request with a key wakes it"
        return {"state": "down", "step": None, "detail": detail, "retry_after": 60}
    if serving:
        step = "health"
    elif "Pending:Wait" in states or "Pending:Proceed" in states:
        step = "model"
    elif "Pending" in states:
        step = "instance"
    else:
        step = "no_capacity" if _launch_failed() else "capacity"
    detail, retry_after = STEPS[step]
    return {"state": "starting", "step": step, "detail": detail, "retry_after": retry_after}


def wake() -> None:
    """Ask for one instance, if there is none, none is on its way, and there may be one."""
    group = _group()
    if group["DesiredCapacity"] == 0 and not stopped(group):
        boto3.client("autoscaling").set_desired_capacity(
            AutoScalingGroupName=os.environ["GROUP"], DesiredCapacity=1, HonorCooldown=False
        )


def stopped(group: dict[str, Any]) -> bool:
    """Tell whether the group may launch nothing, as the governor says when a month is too dear."""
    suspended = {each["ProcessName"] for each in group.get("SuspendedProcesses", [])}
    return group["MaxSize"] == 0 or "Launch" in suspended


def worth_waking(segment: bool) -> bool:
    """Tell whether enough is asked of the responder that a GPU is worth its hour.

    Parameters
    ----------
    segment
        Whether it was speech, and no question about models.
    """
    wanted = int(os.environ.get("WAKE_AFTER", "1"))
    if wanted <= 1 or not segment:
        return wanted <= 1
    now = time.time()
    counted = boto3.client("dynamodb").update_item(
        TableName=os.environ["COUNTS"],
        Key={"id": {"S": f"wake#{time.strftime('%Y-%m-%dT%H', time.gmtime(now))}"}},
        UpdateExpression="ADD #segments :one SET #expires = :expires",
        ExpressionAttributeNames={"#segments": "segments", "#expires": "expires"},
        ExpressionAttributeValues={
            ":one": {"N": "1"},
            ":expires": {"N": f"{now + 2 * 3600:.0f}"},
        },
        ReturnValues="UPDATED_NEW",
    )
    return int(counted["Attributes"]["segments"]["N"]) >= wanted


def set_door(state: dict[str, Any]) -> None:
    """Have the load balancer pass requests to the fleet exactly if it is up."""
    balancer = boto3.client("elbv2")
    listeners = balancer.describe_listeners(LoadBalancerArn=os.environ["BALANCER"])["Listeners"]
    rules = balancer.describe_rules(ListenerArn=listeners[0]["ListenerArn"])["Rules"]
    rule = next(rule for rule in rules if rule["Priority"] == str(door.PRIORITY))
    wanted = door.OPEN if state["state"] == "up" else door.CLOSED
    if _path(rule) != wanted:
        balancer.modify_rule(
            RuleArn=rule["RuleArn"],
            Conditions=[{"Field": "path-pattern", "PathPatternConfig": {"Values": [wanted]}}],
        )


def keep_link_awake(url: str, secret: str) -> None:
    """Send a request through the VPC link; whatever answers, the link was used."""
    client = boto3.client("secretsmanager")
    origin = client.get_secret_value(SecretId=secret)["SecretString"]
    headers = {ORIGIN: origin, CREDENTIAL: "none"}
    try:
        urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=15).close()
    except urllib.error.HTTPError as error:
        if error.code in (401, 403):
            raise


def answer(
    code: int, body: dict[str, Any], retry_after: int | None = None, kept: int | None = None
) -> dict[str, Any]:
    """Return an answer in the form that API Gateway and load balancers both take.

    Parameters
    ----------
    retry_after
        Seconds after which to ask again.
    kept
        Seconds for which CloudFront may give the same answer to others.
    """
    cached = "no-store" if kept is None else f"max-age=0, s-maxage={kept}"
    headers = {"content-type": "application/json", "cache-control": cached}
    if retry_after is not None:
        headers["retry-after"] = str(retry_after)
    return {
        "statusCode": code,
        "headers": headers,
        "body": json.dumps(body),
        "isBase64Encoded": False,
    }


def _group() -> dict[str, Any]:
    client = boto3.client("autoscaling")
    names = [os.environ["GROUP"]]
    group: dict[str, Any] = client.describe_auto_scaling_groups(AutoScalingGroupNames=names)[
        "AutoScalingGroups"
    ][0]
    return group


def _healthy() -> set[str]:
    """Return the instances that the load balancer finds healthy."""
    described = boto3.client("elbv2").describe_target_health(TargetGroupArn=os.environ["TARGETS"])
    return {
        each["Target"]["Id"]
        for each in described["TargetHealthDescriptions"]
        if each["TargetHealth"]["State"] == "healthy"
    }


def _launch_failed() -> bool:
    activities = boto3.client("autoscaling").describe_scaling_activities(
        AutoScalingGroupName=os.environ["GROUP"], MaxRecords=1
    )["Activities"]
    return bool(activities) and activities[0]["StatusCode"] == "Failed"


def _link_state() -> str:
    link = boto3.client("apigatewayv2").get_vpc_link(VpcLinkId=os.environ["LINK"])
    return str(link.get("VpcLinkStatus", "AVAILABLE")).lower()


def _path(rule: dict[str, Any]) -> str:
    condition = rule["Conditions"][0]
    values = condition.get("PathPatternConfig", {}).get("Values") or condition.get("Values")
    return str(values[0])
