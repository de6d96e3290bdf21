"""What the deployment tells its Lambdas: names and places, never a secret itself."""

import functools
import json
import os
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields
from typing import Any

from identity.policy import Policy

Limits = dict[str, dict[str, float]]
"""For "person" and "anonymous": how many "requests" and "seconds" of speech a day."""


@dataclass(frozen=True)
class Settings:
    """The settings, from environment variables named `HUSH_` and the attribute.

    Attributes
    ----------
    deployment
        Unique name of this deployment, which its tokens are for.
    people_table, quota_table
        Names of the DynamoDB tables.
    signing_keys
        ARNs of secrets: the first signs sessions, all verify them.
    front_door_secret
        ARN of what CloudFront says to show that a request came through it.
    deployment_key_secret
        ARN of the API key of whoever deployed this.
    policy, limits
        Who may use it, and how much a day.
    auth_function
        Name of the Lambda that checks memberships; only the authorizer needs it.
    github_secret
        Secret with the GitHub App's credentials; this and what follows only sign-in needs.
    github_url, github_api_url
        Where GitHub is.
    url_parameter
        SSM parameter with the public address.
    """

    deployment: str
    people_table: str
    quota_table: str
    signing_keys: tuple[str, ...]
    front_door_secret: str
    deployment_key_secret: str
    policy: Policy
    limits: Limits
    auth_function: str = ""
    github_secret: str = ""
    github_url: str = "https://github.com"
    github_api_url: str = "https://api.github.com"
    url_parameter: str = ""

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> "Settings":
        """Read the settings.

        Raises
        ------
        KeyError
            If a variable is missing.
        ValueError
            If one is not what it should be.
        """
        values: dict[str, Any] = {}
        for field in fields(cls):
            variable = f"HUSH_{field.name.upper()}"
            if field.default is MISSING or variable in environment:
                values[field.name] = environment[variable]
        values["signing_keys"] = tuple(values["signing_keys"].split(","))
        values["policy"] = Policy.of(json.loads(values["policy"]))
        values["limits"] = json.loads(values["limits"])
        return cls(**values)


@functools.cache
def settings() -> Settings:
    """Return the settings of this process."""
    return Settings.of(os.environ)
