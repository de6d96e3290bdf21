"""Office hours as they are written in the settings, and what a schedule is made of them."""

import pytest

from stacks.office_hours import OfficeHours


@pytest.mark.parametrize(
    ("text", "warm_from", "warm_until"),
    [
        ("Mon-Fri 8-18 Europe/Berlin", "45 7 * * 1,2,3,4,5", "0 18 * * 1,2,3,4,5"),
        ("Sat 9:10-13:30 Asia/Tokyo", "55 8 * * 6", "30 13 * * 6"),
        ("Sat-Mon 10-12 UTC", "45 9 * * 0,1,6", "0 12 * * 0,1,6"),
        ("Sun-Sat 0:15-23:59 Etc/GMT+9", "0 0 * * 0,1,2,3,4,5,6", "59 23 * * 0,1,2,3,4,5,6"),
    ],
)
def test_a_quarter_of_an_hour_before_them_an_instance_is_asked_for(
    text: str, warm_from: str, warm_until: str
) -> None:
    hours = OfficeHours.parse(text)
    assert (hours.warm_from, hours.warm_until) == (warm_from, warm_until)
    assert hours.zone == text.rsplit(maxsplit=1)[-1]


def test_they_last_a_quarter_longer_than_people_stay() -> None:
    hours = OfficeHours.parse("Mon-Fri 8-18 Europe/Berlin")
    assert hours.hours_a_month == pytest.approx(5 * 10.25 * 365 / 84)


def test_where_a_machine_knows_no_time_zones_aws_judges(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("zoneinfo.available_timezones", set)
    assert OfficeHours.parse("Mon 8-9 Moon/Tranquility").zone == "Moon/Tranquility"
