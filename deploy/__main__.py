"""`python -m deploy doctor | app | sandbox | lift | destroy`."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console

from deploy import stack
from deploy.check import Verdict
from deploy.doctor import examine, former_github_parameter, older_version
from deploy.remains import delete_buckets, delete_logs, resources_of
from stacks.application import CERTIFICATE_REGION
from stacks.machine_image import ROOT
from stacks.names import LIVE, STAGES, Names, StageName
from stacks.settings import CLOUD_TOML, Settings, SettingsError, load_settings

console = Console(highlight=False, soft_wrap=True)

MARKS = {
    Verdict.GOOD: "[green]✓[/green]",
    Verdict.UNSURE: "[yellow]?[/yellow]",
    Verdict.BAD: "[red]✗[/red]",
}
FAILED = ("ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "DELETE_FAILED")
"""States of stacks whose first creation or whose end failed: nothing can be deployed over them."""
LOOK_EVERY = 10.0
"""Seconds between two looks at what takes minutes."""


def doctor(settings: Settings, pipeline: bool = True) -> bool:
    """Print the report; return whether nothing in it is bad."""
    console.print("\n[bold]hush doctor[/bold]")
    good = True
    for check in examine(settings, pipeline):
        good = good and check.verdict is not Verdict.BAD
        console.print(f"  {MARKS[check.verdict]} {check.subject:16}", end="")
        console.print(check.finding, markup=False)
    return good


def app(settings: Settings) -> bool:
    """Deploy the pipeline, leave it the settings, and have it run; return whether that worked."""
    if not doctor(settings) or not clear_failed(settings):
        return False
    stacks, names = states(settings), Names(settings.name)
    boto3.client("ssm", settings.region).put_parameter(
        Name=names.settings_parameter,
        Value=CLOUD_TOML.read_text(encoding="utf-8"),
        Type="String",
        # More than 4096 letters of it cost 0.05 $ a month.
        Tier="Intelligent-Tiering",
        Overwrite=True,
    )
    stored = names.settings_parameter
    console.print(f"  {MARKS[Verdict.GOOD]} settings are in the SSM parameter {stored}")
    bootstrap(settings)
    cdk("deploy", "--require-approval=never", names.pipeline)
    if names.pipeline in stacks:
        # A new one runs by itself; one that is there would not notice other settings.
        boto3.client("codepipeline", settings.region).start_pipeline_execution(name=names.pipeline)
    console.print(
        f"\nThe pipeline {names.pipeline} deploys the rest; follow it in the console."
        "\nAfterwards people can sign in, once GitHub knows the address: docs/deploy.md, step 7\n"
    )
    return True


def sandbox(settings: Settings) -> bool:
    """Deploy the application from this machine; return whether that worked."""
    if not doctor(settings, pipeline=False) or not clear_failed(settings):
        return False
    bootstrap(settings)
    cdk("deploy", "--require-approval=never", Names(settings.name).stack("service"))
    return True


def lift(settings: Settings) -> bool:
    """Let a stage's fleet cost as much again this month; return whether it may."""
    names = Names(settings.name, chosen_stage() or LIVE)
    client: Any = boto3.client("lambda", settings.region)
    answer = client.invoke(FunctionName=names.governor, Payload=json.dumps({"lift": True}).encode())
    said = json.loads(answer["Payload"].read())
    if "FunctionError" in answer:
        console.print(f"the governor failed: {said['errorMessage']}", style="red", markup=False)
        return False
    console.print(
        f"  {MARKS[Verdict.GOOD]} {said['month']}: {said['dollars']:.2f} $ at list prices, and the"
        f" fleet may cost {said['allowed']:.2f} $"
    )
    return not said["stopped"]


def destroy(settings: Settings) -> bool:
    """Take everything down, or staging alone, after asking; return whether that was wanted."""
    if (stage := chosen_stage()) is not None:
        return destroy_stage(settings, stage)
    older = older_version(settings)
    if older.verdict is not Verdict.GOOD:
        console.print(f"{older.subject}: {older.finding}", markup=False)
        return False
    console.print(
        f"\nThis deletes the installation {settings.name!r}: its stacks, machine images with their"
        " snapshots,\nlogs, secrets and the stored settings."
    )
    if not agreed(settings.name):
        return False
    stop_pipeline(settings)
    everywhere = {**places(settings), **support_places(settings)}
    delete_stacks(everywhere)
    removed = delete_images(settings)
    resources = resources_of(everywhere)
    buckets = delete_buckets(resources)
    logs = delete_logs(resources, (str(settings.region), Names(settings.name).build_log))
    delete_settings(settings)
    delete_credentials(settings)
    kept = tables(settings)
    console.print(
        f"\ndeleted: all stacks, {removed} machine images left over with their snapshots,"
        f" {buckets} buckets of artifacts,\n{logs} logs of builds and Lambdas, the settings and the"
        " GitHub App's credentials\nkept: the stack CDKToolkit, which other CDK apps use; the"
        " connection to GitHub; API Gateway's\nrole for logs with its group"
        " /aws/apigateway/welcome; cloud.toml; the tables of people and of what\nthey used:"
    )
    for table in kept:
        console.print(f"  {table}", markup=False)
    console.print("docs/deploy.md says how to delete those\n")
    return True


def destroy_stage(settings: Settings, stage: StageName) -> bool:
    """Take staging down, after asking, once no push goes through it; return whether it did."""
    names = Names(settings.name, stage)
    if stage == LIVE:
        console.print("live cannot go alone: make destroy, without STAGE, takes everything down")
        return False
    if stage in settings.stages:
        console.print(
            f'the next push would make {stage} again: take "{stage}" out of stages in cloud.toml,'
            " run make app, and then this"
        )
        return False
    console.print(
        f"\nThis deletes {stage} of the installation {settings.name!r}: its stacks, logs and"
        " secrets. Live stays as it is."
    )
    if not agreed(names.prefix):
        return False
    there = places(settings, (stage,))
    delete_stacks(there)
    logs = delete_logs(resources_of(there))
    delete_credentials(settings, (stage,))
    console.print(
        f"\ndeleted: {stage}'s stacks, {logs} logs of its Lambdas, and its GitHub App's"
        " credentials\nkept: the tables of its people and of what they used:"
    )
    for table in tables(settings, (stage,)):
        console.print(f"  {table}", markup=False)
    console.print("docs/deploy.md says how to delete those\n")
    return True


def chosen_stage() -> StageName | None:
    """Return the stage that `make … STAGE=staging` is about, if it says so.

    Raises
    ------
    SettingsError
        If there is no such stage.
    """
    chosen = os.environ.get("STAGE")
    if not chosen:
        return None
    for stage in STAGES:
        if stage == chosen:
            return stage
    raise SettingsError(f"STAGE={chosen}: there is no such stage, but {' and '.join(STAGES)}")


def agreed(name: str) -> bool:
    """Ask for a name, unless YES is it already; return whether it was given."""
    if os.environ.get("YES") == name or console.input(f"Type {name} to go on: ") == name:
        return True
    console.print("nothing was deleted")
    return False


def places(settings: Settings, stages: Sequence[StageName] = STAGES) -> dict[str, str]:
    """Return in which region each stack is, by its name: first what is built upon others.

    Parameters
    ----------
    stages
        Of which stages; with the pipeline, if all. There may have been one that is not set now.
    """
    region, live = str(settings.region), Names(settings.name)
    stacks = {live.pipeline: region} if stages == STAGES else {}
    for names in (Names(settings.name, stage) for stage in stages):
        stacks |= dict.fromkeys(map(names.stack, reversed(names.parts)), region)
    if LIVE in stages and region != CERTIFICATE_REGION:
        # Whether or not there is a domain now: there may have been one.
        stacks[live.stack("certificate")] = CERTIFICATE_REGION
    return stacks


def delete_stacks(stacks: dict[str, str]) -> None:
    """Delete those stacks that are there, one after the other."""
    for each, region in stacks.items():
        if stack.describe(each, region) is not None:
            console.print(f"  deleting {each}")
            stack.delete(each, region)


def support_places(settings: Settings) -> dict[str, str]:
    """Return in which region a stack is that the pipeline has beside it for certificates."""
    if settings.region == CERTIFICATE_REGION:
        return {}
    return {f"{Names(settings.name).pipeline}-support-{CERTIFICATE_REGION}": CERTIFICATE_REGION}


def states(settings: Settings) -> dict[str, str]:
    """Return the state of each stack that is there."""
    described = {name: stack.describe(name, region) for name, region in places(settings).items()}
    return {name: str(each["StackStatus"]) for name, each in described.items() if each is not None}


def stop_pipeline(settings: Settings) -> None:
    """Have the pipeline begin nothing more, and wait until it has ended what it does."""
    client: Any = boto3.client("codepipeline", settings.region)
    name = Names(settings.name).pipeline
    while running := _running(client, name):
        for execution, status in running.items():
            if status == "Stopping":
                continue
            console.print(f"  stopping {name}: what it deploys or builds just now ends first")
            try:
                client.stop_pipeline_execution(pipelineName=name, pipelineExecutionId=execution)
            except (
                client.exceptions.DuplicatedStopRequestException,
                client.exceptions.PipelineExecutionNotStoppableException,
            ):
                continue
        time.sleep(LOOK_EVERY)


def _running(client: Any, name: str) -> dict[str, str]:
    """Return the states of the executions of a pipeline that have not ended, by their ids."""
    try:
        newest = client.list_pipeline_executions(pipelineName=name)["pipelineExecutionSummaries"]
    except client.exceptions.PipelineNotFoundException:
        return {}
    return {
        each["pipelineExecutionId"]: each["status"]
        for each in newest
        if each["status"] in ("InProgress", "Stopping")
    }


def clear_failed(settings: Settings) -> bool:
    """Delete, after asking, stacks that failed for good; return whether none is left."""
    failed = [name for name, state in states(settings).items() if state in FAILED]
    if not failed:
        return True
    console.print(
        f"\nThe first creation or the deletion of {', '.join(failed)} failed, and nothing can be"
        "\ndeployed over what is left of it. docs/operations.md says where the reason stands."
    )
    asked = os.environ.get("YES") != settings.name
    if asked and console.input("Type yes to delete it and go on: ") != "yes":
        return False
    for name in failed:
        stack.delete(name, places(settings)[name])
        console.print(f"  {MARKS[Verdict.GOOD]} deleted {name}")
    return True


def delete_images(settings: Settings) -> int:
    """Delete the machine images that outlived their stack, with their snapshots; count them."""
    client: Any = boto3.client("ec2", settings.region)
    filters = [{"Name": "tag:hush", "Values": [Names(settings.name).prefix]}]
    images = client.describe_images(Owners=["self"], Filters=filters)["Images"]
    for image in images:
        client.deregister_image(ImageId=image["ImageId"])
        for mapping in image["BlockDeviceMappings"]:
            if snapshot := mapping.get("Ebs", {}).get("SnapshotId"):
                client.delete_snapshot(SnapshotId=snapshot)
    return len(images)


def delete_settings(settings: Settings) -> None:
    """Delete the settings that the pipeline read, and credentials where they once were."""
    names = Names(settings.name)
    parameters: Any = boto3.client("ssm", settings.region)
    parameters.delete_parameters(
        Names=[names.settings_parameter, former_github_parameter(settings)]
    )


def delete_credentials(settings: Settings, stages: Sequence[StageName] = STAGES) -> None:
    """Delete the GitHub App's credentials, of some stages."""
    secrets: Any = boto3.client("secretsmanager", settings.region)
    for names in (Names(settings.name, stage) for stage in stages):
        with suppress(secrets.exceptions.ResourceNotFoundException):
            secrets.delete_secret(SecretId=names.github_secret, ForceDeleteWithoutRecovery=True)


def tables(settings: Settings, stages: Sequence[StageName] = STAGES) -> list[str]:
    """Return the names of the tables that outlive their stacks, of some stages."""
    client: Any = boto3.client("dynamodb", settings.region)
    pages = client.get_paginator("list_tables").paginate()
    names = (name for page in pages for name in page["TableNames"])
    people = tuple(f"{Names(settings.name, stage).stack('people')}-" for stage in stages)
    return [name for name in names if name.startswith(people)]


def bootstrap(settings: Settings) -> None:
    """Prepare the account for the CDK, where that has not been done."""
    regions = {settings.region, CERTIFICATE_REGION if settings.domain else settings.region}
    for region in sorted(str(each) for each in regions):
        if stack.describe("CDKToolkit", region) is None:
            console.print(f"  preparing {region} for the CDK (once)")
            cdk("bootstrap", f"aws://{settings.account}/{region}")


def cdk(*arguments: str) -> None:
    """Run the CDK's command line.

    Raises
    ------
    subprocess.CalledProcessError
        If it fails; it has said why.
    """
    command = [str(ROOT / "node_modules" / ".bin" / "cdk"), "--no-notices", *arguments]
    subprocess.run(command, cwd=ROOT, check=True)


COMMANDS = {"doctor": doctor, "app": app, "sandbox": sandbox, "lift": lift, "destroy": destroy}


def main(arguments: Sequence[str]) -> int:
    """Do what is asked; return the process's exit code."""
    if len(arguments) != 1 or arguments[0] not in COMMANDS:
        console.print(f"usage: python -m deploy {' | '.join(COMMANDS)}")
        return 2
    try:
        return 0 if COMMANDS[arguments[0]](load_settings()) else 1
    except SettingsError as error:
        console.print(str(error), style="red", markup=False)
    except subprocess.CalledProcessError:
        console.print("the CDK failed; it says why above", style="red")
    except (BotoCoreError, ClientError) as error:
        console.print(str(error), style="red", markup=False)
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
