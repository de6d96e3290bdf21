"""Lambdas made of the folders of `lambda/`, each with `hush.contracts` beside its own files.

One of them is the inference service: it has all of `hush` and `hush_service` beside them.
"""

import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from itertools import chain
from pathlib import Path
from types import MappingProxyType
from typing import Any

import aws_cdk as cdk
import jsii
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct

from stacks.targets import LAMBDA

FOLDERS = Path(__file__).parents[1] / "lambda"
ROOT = FOLDERS.parent
CONTRACTS = ROOT / "hush" / "contracts"
SERVICE = (ROOT / "hush", ROOT / "service" / "hush_service")
LAMBDAS_PYTHON = shutil.which(f"python{LAMBDA.python}")
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
    service: bool = False,
    files: Mapping[str, Sequence[Path]] = MappingProxyType({}),
    most: int | None = None,
    name: str | None = None,
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
    service
        Whether it runs the inference service.
    files
        Other files, by the folder of it that they are in.
    most
        How many of it run at once, for which as many of the account's are kept for it; as many as
        the account has room for if None.
    name
        By which people call it; CloudFormation's own if None.
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
        function_name=name,
        runtime=RUNTIME,
        architecture=lambda_.Architecture.ARM_64,
        code=_code(scope, Bundle(folder, packages, libraries(scope), service, files)),
        handler=f"{folder}.handler",
        role=role,
        environment=environment,
        timeout=timeout,
        memory_size=memory,
        log_group=function_logs,
        reserved_concurrent_executions=most,
    )


def libraries(scope: Construct) -> bool:
    """Tell whether what pip would fetch is wanted."""
    return scope.node.try_get_context(LIBRARIES) is not False


def _code(scope: Construct, bundle: "Bundle") -> lambda_.Code:
    kept = [
        pattern
        for name in (bundle.folder, *bundle.packages)
        for pattern in (f"!{name}", f"!{name}/**")
    ]
    beside = [*(SERVICE if bundle.service else (CONTRACTS,)), *chain(*bundle.files.values())]
    return lambda_.Code.from_asset(
        str(FOLDERS),
        # It is known by what it is made of, as pip does not make the same bytes twice.
        asset_hash_type=cdk.AssetHashType.CUSTOM,
        asset_hash=cdk.FileSystem.fingerprint(
            str(FOLDERS),
            exclude=["*", *kept, "**/__pycache__"],
            ignore_mode=cdk.IgnoreMode.GIT,
            extra_hash="\n".join(
                [
                    bundle.folder,
                    *LAMBDA.options,
                    # Where it was published without, it is published anew.
                    *(["compiled"] if bundle.compiled else []),
                    *map(_fingerprint, beside),
                ]
            ),
        ),
        bundling=cdk.BundlingOptions(image=RUNTIME.bundling_image, local=bundle),
    )


def _fingerprint(path: Path) -> str:
    return cdk.FileSystem.fingerprint(
        str(path), exclude=["**/__pycache__"], ignore_mode=cdk.IgnoreMode.GIT
    )


@jsii.implements(cdk.ILocalBundling)
class Bundle:
    """Puts together what one Lambda consists of, without Docker.

    Parameters
    ----------
    folder, packages
        Folders of `lambda/`: the first one's files, and the others beside them.
    wanted
        Whether to fetch the libraries that `requirements.lock` names.
    service, files
        As of `python_function`.
    python
        By which the service is compiled, as a cold start would take seconds longer for that; by
        nobody if None. It has to be the Lambda's own.
    """

    def __init__(
        self,
        folder: str,
        packages: Sequence[str] = (),
        wanted: bool = True,
        service: bool = False,
        files: Mapping[str, Sequence[Path]] = MappingProxyType({}),
        python: str | None = LAMBDAS_PYTHON,
    ) -> None:
        self.folder, self.packages = folder, packages
        self.service, self.files = service, files
        self._wanted, self._python = wanted, python

    @property
    def compiled(self) -> bool:
        """Whether its modules are compiled."""
        return self.service and self._python is not None

    def try_bundle(self, output_dir: str, *_: Any, **__: Any) -> bool:  # noqa: D102
        target = Path(output_dir)
        lock = FOLDERS / self.folder / LOCK
        if self._wanted and lock.exists():
            subprocess.run(pip_install(lock, output_dir), check=True)
        shutil.copytree(FOLDERS / self.folder, target, ignore=_OWN_FILES_ONLY, dirs_exist_ok=True)
        for package in self.packages:
            shutil.copytree(FOLDERS / package, target / package, ignore=_OWN_FILES_ONLY)
        if self.service:
            for package_folder in SERVICE:
                shutil.copytree(
                    package_folder, target / package_folder.name, ignore=_OWN_FILES_ONLY
                )
        else:
            # Nothing else of hush, whose `__init__` therefore is an empty one.
            contracts = target / "hush" / "contracts"
            shutil.copytree(CONTRACTS, contracts, ignore=_OWN_FILES_ONLY)
            (contracts.parent / "__init__.py").touch()
        for name, files in self.files.items():
            (target / name).mkdir()
            for file in files:
                shutil.copy(file, target / name)
        if self.compiled:
            # Nobody can write beside a Lambda's files, or would know when they were written.
            compiling = [str(self._python), "-m", "compileall", "-q", "--invalidation-mode"]
            subprocess.run([*compiling, "unchecked-hash", output_dir], check=True)
        return True


def pip_install(lock: Path, target: str) -> list[str]:
    """Return the command that fetches exactly what was locked for the Lambdas."""
    return [
        *(sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"),
        *("--require-hashes", "--no-deps", "--requirement", str(lock)),
        *("--target", target, "--no-compile", *LAMBDA.options, "--only-binary=:all:"),
    ]
