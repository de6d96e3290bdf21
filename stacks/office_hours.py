"""Hours in which people come, such as "Mon-Fri 8-18 Europe/Berlin"; the fleet is warm for them."""

import re
import zoneinfo
from dataclasses import dataclass

DAYS = ("Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat")
"""By their numbers in a cron expression."""
WARM_MINUTES = 15
"""Before people come, an instance is asked for: it wakes in minutes, if EC2 has one at once."""
WEEKS_A_MONTH = 365 / 7 / 12

_DAY = "|".join(DAYS)
_FORM = re.compile(
    rf"(?P<days>({_DAY})(-({_DAY}))?)"
    r" (?P<begin>\d{1,2})(:(?P<begin_minute>\d\d))?-(?P<end>\d{1,2})(:(?P<end_minute>\d\d))?"
    r" (?P<zone>[A-Za-z][\w+/-]*)"
)


@dataclass(frozen=True)
class OfficeHours:
    """Hours of some days of the week.

    Attributes
    ----------
    days
        By their numbers from 0, which is Sunday.
    begin, end
        In minutes since midnight.
    zone
        Name of the time zone that they are in.
    """

    days: tuple[int, ...]
    begin: int
    end: int
    zone: str

    @classmethod
    def parse(cls, text: str) -> "OfficeHours":
        """Read what stands in the settings.

        Raises
        ------
        ValueError
            If it cannot be read, or is nothing that a schedule could be made of.
        """
        form = _FORM.fullmatch(text)
        if form is None:
            raise ValueError('write it as "Mon-Fri 8-18 Europe/Berlin" or "Sat 9:30-13 Asia/Tokyo"')
        first, _, last = form["days"].partition("-")
        days = [DAYS.index(first)]
        while last and DAYS[days[-1]] != last:
            days.append((days[-1] + 1) % len(DAYS))
        begin = 60 * int(form["begin"]) + int(form["begin_minute"] or 0)
        end = 60 * int(form["end"]) + int(form["end_minute"] or 0)
        minutes = (int(form["begin_minute"] or 0), int(form["end_minute"] or 0))
        if max(minutes) > 59 or not WARM_MINUTES <= begin < end < 24 * 60:
            raise ValueError(
                f"hours begin at 0:{WARM_MINUTES} or later, and end after that and before midnight"
            )
        known = zoneinfo.available_timezones()
        # Where a machine has no list, AWS says it.
        if known and form["zone"] not in known:
            raise ValueError(f"there is no time zone {form['zone']}; one is Europe/Berlin")
        return cls(tuple(sorted(days)), begin, end, form["zone"])

    @property
    def warm_from(self) -> str:
        """When an instance is asked for, as a cron expression."""
        return self._cron(self.begin - WARM_MINUTES)

    @property
    def warm_until(self) -> str:
        """From when on an idle instance may retire, as a cron expression."""
        return self._cron(self.end)

    @property
    def hours_a_month(self) -> float:
        """For how long an instance is kept."""
        return len(self.days) * WEEKS_A_MONTH * (self.end - self.begin + WARM_MINUTES) / 60

    def _cron(self, minutes: int) -> str:
        days = ",".join(map(str, self.days))
        return f"{minutes % 60} {minutes // 60} * * {days}"
