"""The CDK app: `make synth` shows what it makes, `make app` deploys it, `make sandbox` in part."""

import sys

import aws_cdk as cdk

from stacks.acknowledged import check
from stacks.application import Application
from stacks.pipeline import Pipeline
from stacks.settings import SettingsError, load_settings

try:
    settings = load_settings()
except SettingsError as error:
    sys.exit(str(error))

# Without an account it is for looking at, and placeholders do; a deployment would keep them.
if settings.account and (missing := settings.missing(pipeline=False)):
    sys.exit("\n".join(f"cloud.toml: {line}" for line in missing))

app = cdk.App()
Application(app, settings)
Pipeline(app, settings)
check(app)
app.synth()
