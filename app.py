"""The CDK app: `make synth` shows what it makes, `make app` deploys it, `make sandbox` in part."""

import sys

import aws_cdk as cdk
from cdk_nag import AwsSolutionsChecks

from stacks.application import Application
from stacks.pipeline import Pipeline
from stacks.settings import SettingsError, load_settings

try:
    settings = load_settings()
except SettingsError as error:
    sys.exit(str(error))

app = cdk.App()
cdk.Validations.of(app).add_plugins(AwsSolutionsChecks(app))
Application(app, settings)
Pipeline(app, settings)
app.synth()
