"""What the month cost."""

import json
from datetime import UTC, datetime

import boto3
import pytest

import parts
from local.emulated_group import EmulatedGroups
from tests.lambdas.administration.conftest import Boss, measure
from tests.lambdas.conftest import (
    INSTALLATION,
    NAMES,
    REGION,
)


class TestCosts:
    def test_the_month_is_told_at_list_prices(self, boss: Boss, groups: EmulatedGroups) -> None:
        measure()
        month = f"{datetime.now(UTC):%Y-%m}"
        ledger = {"month": month, "dollars": 12.5, "granted": 0.0, "closed": True}
        boto3.client("dynamodb", REGION).put_item(
            TableName="quota",
            Item={"id": {"S": "fleet"}, "ledger": {"S": json.dumps(ledger)}},
        )
        told = boss.get("costs")
        by_name = {part["name"]: part["dollars"] for part in told["parts"]}
        assert by_name["GPU instances"] == 12.5
        assert 0 < by_name["load balancer"] <= 16.43
        assert (told["source"], told["month"], told["stopped"]) == ("list prices", month, True)
        assert told["to_date"] == pytest.approx(sum(by_name.values()), abs=0.02)
        assert told["forecast"] >= told["to_date"] - 0.02
        assert (told["budget"], told["fleet_bound"]) == (50, 500)

    def test_cost_explorer_is_asked_once_in_six_hours(self, boss: Boss) -> None:
        told = json.dumps({**INSTALLATION, "cost_explorer": True})
        boto3.client("ssm", REGION).put_parameter(
            Name=NAMES.installation_parameter, Value=told, Overwrite=True
        )
        parts.forget()
        first = boss.get("costs")
        assert first["source"] == "Cost Explorer"
        parts.forget()
        assert boss.get("costs")["as_of"] == first["as_of"]
