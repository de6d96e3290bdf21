"""What administrators of the demonstration look after: a fleet, people, alarms and a pipeline.

All of it is moto's; `local/scripted_day.py` has it move.
"""

import json
import random
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from local.emulated_pipeline import States
from stacks.installation import Balanced
from stacks.names import Names
from stacks.prices import hourly_prices, launch_price
from stacks.settings import Settings

BALANCED = Balanced("app/hush/1", "targetgroup/fleet/1", "targetgroup/responder/1")
AUDIT_LOG = "audit"
ALARMS = ("no-capacity", "interruptions", "always-on", "door-stuck", "api-errors", "api-latency")
SPENT = 212.4
"""Dollars that the fleet's instances have cost this month, before anybody looks."""
SEEDED = 130
"""People who signed in before, so that there are pages of them."""
VERSION = "3f9c2a7d41be"
ZONES = ("us-east-1a", "us-east-1b")

Client = Callable[[str], Any]
"""Returns boto3's client of a service."""


def governor_environment(settings: Settings, names: Names, client: Client) -> dict[str, str]:
    """Make the topic of its mails, and return what the governor is told."""
    topic = client("sns").create_topic(Name="alerts")["TopicArn"]
    return {
        "GROUP": names.group,
        "LEDGER": "quota",
        "TOPIC": topic,
        "LAUNCH": str(launch_price(settings)),
        "PRICES": json.dumps(hourly_prices(settings)),
        "BOUND": str(settings.fleet_dollars_a_month),
        "MAXIMUM": str(settings.maximum_instances),
        "FALLBACK": "0",
        "BASE": "0",
    }


def make_fleet(settings: Settings, names: Names, client: Client) -> None:
    """Make the group, asleep, and the alarms."""
    ec2 = client("ec2")
    image = ec2.describe_images()["Images"][0]["ImageId"]
    ec2.create_launch_template(
        LaunchTemplateName="fleet",
        LaunchTemplateData={"ImageId": image, "InstanceType": settings.instance_types[0]},
    )
    tags = {"hush-version": VERSION, "hush-models": " ".join(settings.models)}
    client("autoscaling").create_auto_scaling_group(
        AutoScalingGroupName=names.group,
        MinSize=0,
        MaxSize=settings.maximum_instances,
        AvailabilityZones=list(ZONES),
        MixedInstancesPolicy={
            "LaunchTemplate": {
                "LaunchTemplateSpecification": {"LaunchTemplateName": "fleet", "Version": "1"},
                "Overrides": [{"InstanceType": kind} for kind in settings.instance_types],
            },
            "InstancesDistribution": {
                "OnDemandBaseCapacity": 0,
                "OnDemandPercentageAboveBaseCapacity": 0,
            },
        },
        Tags=[{"Key": k, "Value": v, "PropagateAtLaunch": True} for k, v in tags.items()],
    )
    for name in ALARMS:
        client("cloudwatch").put_metric_alarm(
            AlarmName=names.alarm(name),
            ComparisonOperator="GreaterThanThreshold",
            EvaluationPeriods=1,
            MetricName=name,
            Namespace="hush",
            Period=60,
            Statistic="Sum",
            Threshold=1,
        )
        set_alarm(names, client, name, "OK", "as it should be")


def set_alarm(names: Names, client: Client, name: str, state: str, reason: str) -> None:
    """Raise an alarm, or end it."""
    client("cloudwatch").set_alarm_state(
        AlarmName=names.alarm(name), StateValue=state, StateReason=reason
    )


def make_ledger(client: Client) -> None:
    """Have the month have cost something already."""
    month = f"{datetime.now(UTC):%Y-%m}"
    ledger = {"month": month, "dollars": SPENT, "instances": {}, "mails": [], "version": 1}
    client("dynamodb").put_item(
        TableName="quota",
        Item={
            "id": {"S": "fleet"},
            "ledger": {"S": json.dumps(ledger)},
            "version": {"N": "1"},
        },
    )


def make_people(client: Client) -> None:
    """Have people have signed in, made keys and used it."""
    chance = random.Random(1)
    now = datetime.now(UTC)
    dynamodb = client("dynamodb")
    for table, items in (("people", _people(chance, now)), ("quota", _used(chance, now))):
        waiting = list(items)
        for at in range(0, len(waiting), 25):
            puts = [{"PutRequest": {"Item": item}} for item in waiting[at : at + 25]]
            dynamodb.batch_write_item(RequestItems={table: puts})


def _people(chance: random.Random, now: datetime) -> Iterator[dict[str, Any]]:
    for number in range(1, SEEDED + 1):
        who, login = f"github:{5000 + number}", f"colleague-{number:03}"
        seen = now - timedelta(hours=chance.expovariate(1 / 200))
        yield {
            "who": {"S": who},
            "what": {"S": "profile"},
            "login": {"S": login},
            "name": {"S": f"Colleague {number}"},
            "member": {"BOOL": chance.random() < 0.9},
            "checked": {"N": f"{seen.timestamp():.0f}"},
            "seen": {"N": f"{seen.timestamp():.0f}"},
            "listed": {"S": "person"},
            "place": {"S": login},
        }
        for _ in range(chance.choice((0, 0, 1, 2))):
            name, secret = f"{chance.getrandbits(64):016x}", f"{chance.getrandbits(16):04x}"
            made = now - timedelta(days=chance.uniform(1, 300))
            yield {
                "who": {"S": who},
                "what": {"S": f"key#{name}"},
                "name": {"S": chance.choice(("laptop", "server", "notes", "Home Assistant"))},
                "kind": {"S": "key"},
                "digest": {"S": "of nothing"},
                "hint": {"S": f"hush_…{secret}"},
                "created": {"N": f"{made.timestamp():.0f}"},
                "listed": {"S": "key"},
                "place": {"S": f"{made.timestamp():012.0f}#{name}"},
            }


def _used(chance: random.Random, now: datetime) -> Iterator[dict[str, Any]]:
    for number in range(1, SEEDED + 1):
        for back in range(30):
            if chance.random() < 0.2:
                requests = chance.randint(1, 60)
                yield {
                    "id": {"S": f"github:{5000 + number}#{now - timedelta(days=back):%Y-%m-%d}"},
                    "requests": {"N": str(requests)},
                    "seconds": {"N": f"{requests * chance.uniform(15, 25):.1f}"},
                }


def make_pipeline(names: Names, client: Client, states: States) -> None:
    """Have the last push have failed at the smoke test, with a log."""
    logs = client("logs")
    logs.create_log_group(logGroupName=names.pipeline_log)
    logs.create_log_stream(logGroupName=names.pipeline_log, logStreamName="0a1b2c3d")
    lines = (
        "asking https://hush.example/v1/models: 200, small and turbo",
        "sending 4.0 s of speech: 503, starting; trying again in 30 s",
        "sending 4.0 s of speech: no words after 20 minutes",
        "Command did not exit successfully: python -m deploy.smoke, exit status 1",
    )
    now = time.time()
    logs.put_log_events(
        logGroupName=names.pipeline_log,
        logStreamName="0a1b2c3d",
        logEvents=[{"timestamp": round(now * 1000), "message": line} for line in lines],
    )
    ago = now - 5400
    console = "https://us-east-1.console.aws.amazon.com/codesuite/codepipeline"
    stages = {
        "Source": ["someone_hush"],
        "Build": ["Synth"],
        "UpdatePipeline": ["SelfMutate"],
        "Assets": ["FileAsset1"],
        "live": ["people.Deploy", "image.Deploy", "service.Deploy", "SmokeTest"],
    }
    states[names.pipeline] = []
    for stage, actions in stages.items():
        described: list[dict[str, Any]] = []
        for action in actions:
            ago += 240
            failed = action == "SmokeTest"
            run: dict[str, Any] = {
                "status": "Failed" if failed else "Succeeded",
                "lastStatusChange": ago,
                "externalExecutionUrl": console,
            }
            if failed:
                run["errorDetails"] = {"message": "Build terminated with state: FAILED"}
                run["externalExecutionId"] = "smoke-test:0a1b2c3d"
            described.append({"actionName": action, "latestExecution": run})
        status = described[-1]["latestExecution"]["status"]
        states[names.pipeline].append(
            {
                "stageName": stage,
                "latestExecution": {"status": status, "pipelineExecutionId": "1"},
                "actionStates": described,
            }
        )
