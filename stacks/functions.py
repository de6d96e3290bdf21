"""Lambdas made of the folders of `lambda/`, each with `hush.contracts` beside its own files."""

import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import jsii
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct

from stacks.targets import LAMBDA

FOLDERS = Path(__file__).parents[1] / "lambda"
CONTRACTS = FOLDERS.parent / "hush" / "contracts"
RUNTIME = lambda_.Runtime.PYTHON_3_14
REQUIREMENTS, LOCK = "requirements.txt", "requirements.lock"
"""What a Lambda wants, and every file that it gets (`stacks/lock.py`)."""
LIBRARIES = "hush:libraries"
"""Context: false leaves out what pip would fetch, as tests do, which have it already."""

_OWN_FILES_ONLY = shutil.ignore_patterns("__pycache__", REQUIREMENTS, LOCK)


def python_function(
    scope: Construct,
    construct_id: str,
    folder: str,
    environment: dict[str, str],
    timeout: cdk.Duration,
    memory: int = 256,
    packages: Sequence[str] = (),
) -> lambda_.Function:
    """Return a Lambda made of one folder of `lambda/`.

    Its module is called as its folder, and its handler `handler`.

    Parameters
    ----------
    folder
        What it is made of. Libraries that its `requirements.lock` names are put beside it.
    memory
        In MiB.
    packages
        Other folders of `lambda/` that it imports.
    """
    function_logs = logs.LogGroup(
        scope,
        f"{construct_id}Log",
        retention=logs.RetentionDays.ONE_MONTH,
        removal_policy=cdk.RemovalPolicy.DESTROY,
    )
    role = iam.Role(
        scope, f"{construct_id}Role", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com")
    )
    function_logs.grant_write(role)
    return lambda_.Function(
        scope,
        construct_id,
        runtime=RUNTIME,
        architecture=lambda_.Architecture.ARM_64,
        code=_code(scope, folder, packages),
        handler=f"{folder}.handler",
        role=role,
        environment=environment,
        timeout=timeout,
        memory_size=memory,
        log_group=function_logs,
    )


def _code(scope: Construct, folder: str, packages: Sequence[str]) -> lambda_.Code:
    libraries = scope.node.try_get_context(LIBRARIES) is not False
    kept = [pattern for name in (folder, *packages) for pattern in (f"!{name}", f"!{name}/**")]
    contracts = cdk.FileSystem.fingerprint(
        str(CONTRACTS), exclude=["**/__pycache__"], ignore_mode=cdk.IgnoreMode.GIT
    )
    return lambda_.Code.from_asset(
        str(FOLDERS),
        # It is known by what it is made of, as pip does not make the same bytes twice.
        asset_hash_type=cdk.AssetHashType.CUSTOM,
        asset_hash=cdk.FileSystem.fingerprint(
            str(FOLDERS),
            exclude=["*", *kept, "**/__pycache__"],
            ignore_mode=cdk.IgnoreMode.GIT,
            extra_hash="\n".join([folder, *LAMBDA.options, contracts]),
        ),
        bundling=cdk.BundlingOptions(
            image=RUNTIME.bundling_image, local=Bundle(folder, packages, libraries)
        ),
    )


@jsii.implements(cdk.ILocalBundling)
class Bundle:
    """Puts together what one Lambda consists of, without Docker.

    Parameters
    ----------
    folder, packages
        Folders of `lambda/`: the first one's files, and the others beside them.
    libraries
        Whether to fetch what `requirements.lock` names.
    """

    def __init__(self, folder: str, packages: Sequence[str], libraries: bool) -> None:
        self._folder, self._packages, self._libraries = folder, packages, libraries

    def try_bundle(self, output_dir: str, *_: Any, **__: Any) -> bool:  # noqa: D102
        lock = FOLDERS / self._folder / LOCK
        if self._libraries and lock.exists():
            subprocess.run(pip_install(lock, output_dir), check=True)
        shutil.copytree(
            FOLDERS / self._folder, output_dir, ignore=_OWN_FILES_ONLY, dirs_exist_ok=True
        )
        for package in self._packages:
            shutil.copytree(FOLDERS / package, Path(output_dir) / package, ignore=_OWN_FILES_ONLY)
        # Nothing else of hush, whose `__init__` therefore is an empty one.
        contracts = Path(output_dir) / "hush" / "contracts"
        shutil.copytree(CONTRACTS, contracts, ignore=_OWN_FILES_ONLY)
        (contracts.parent / "__init__.py").touch()
        return True


def pip_install(lock: Path, target: str) -> list[str]:
    """Return the command that fetches exactly what was locked for the Lambdas."""
    return [
        *(sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"),
        *("--require-hashes", "--no-deps", "--requirement", str(lock)),
        *("--target", target, "--no-compile", *LAMBDA.options, "--only-binary=:all:"),
    ]
