"""Who is told when something is wrong, or when a month becomes expensive."""

import hashlib

import aws_cdk as cdk
from aws_cdk import aws_budgets as budgets
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from constructs import Construct

from stacks.names import STAGES, Names

RUNBOOK = "docs/operations.md"
PERCENTS = (80, 100)
"""Of the budget, at which a mail is sent."""


class Alerts(Construct):
    """Mails alarms, and warns when a month becomes expensive.

    Parameters
    ----------
    email
        Who is told; nobody if None.
    budget_dollars
        Cost of a month at 80 % of which a mail is sent, and at 100 % again.
    budget_by_tag
        Whether what is tagged as hush's alone is counted, and not the whole account.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        names: Names,
        *,
        email: str | None,
        budget_dollars: int,
        budget_by_tag: bool,
    ) -> None:
        super().__init__(scope, construct_id)
        self._names = names
        self.topic = sns.Topic(self, "Topic", enforce_ssl=True)
        self.topic.add_to_resource_policy(
            iam.PolicyStatement(
                actions=["sns:Publish"],
                principals=[iam.ServicePrincipal("cloudwatch.amazonaws.com")],
                resources=[self.topic.topic_arn],
                conditions={"StringEquals": {"aws:SourceAccount": cdk.Stack.of(self).account}},
            )
        )
        if email is None:
            return
        self.topic.add_subscription(subscriptions.EmailSubscription(email))
        # To tell others, CloudFormation makes another budget before it deletes this one.
        told = hashlib.sha256(f"{email} {PERCENTS}".encode()).hexdigest()
        # The pipeline has a tag of its own. Whether or not there is staging, nothing changes here.
        prefixes = [Names(names.installation, stage).prefix for stage in STAGES]
        tags = [f"user:hush${tag}" for tag in (*prefixes, names.installation)]
        subscriber = budgets.CfnBudget.SubscriberProperty(subscription_type="EMAIL", address=email)
        budgets.CfnBudget(
            self,
            "Budget",
            budget=budgets.CfnBudget.BudgetDataProperty(
                budget_type="COST",
                time_unit="MONTHLY",
                budget_name=f"{names.budget}-{told[:8]}",
                # Without the tag being active, which only a person can do, it would count nothing.
                cost_filters={"TagKeyValue": tags} if budget_by_tag else None,
                budget_limit=budgets.CfnBudget.SpendProperty(amount=budget_dollars, unit="USD"),
            ),
            notifications_with_subscribers=[
                budgets.CfnBudget.NotificationWithSubscribersProperty(
                    notification=budgets.CfnBudget.NotificationProperty(
                        comparison_operator="GREATER_THAN",
                        notification_type="ACTUAL",
                        threshold=percent,
                        threshold_type="PERCENTAGE",
                    ),
                    subscribers=[subscriber],
                )
                for percent in PERCENTS
            ],
        )

    def alarm(
        self,
        name: str,
        metric: cloudwatch.IMetric,
        meaning: str,
        *,
        threshold: float,
        minutes: int = 1,
        of: int | None = None,
    ) -> None:
        """Raise an alarm; `docs/operations.md` has a section for it by its name.

        Parameters
        ----------
        name
            Two or three words with dashes.
        metric
            What is watched, minute by minute.
        meaning
            One sentence for the mail.
        threshold
            The alarm is raised above it.
        minutes, of
            In so many minutes out of the last `of`.
        """
        alarm = cloudwatch.Alarm(
            self,
            name,
            alarm_name=self._names.alarm(name),
            alarm_description=f"{meaning} See {RUNBOOK}#{name}.",
            metric=metric,
            threshold=threshold,
            comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD,
            evaluation_periods=of or minutes,
            datapoints_to_alarm=minutes,
            treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
        )
        alarm.add_alarm_action(actions.SnsAction(self.topic))
