"""Who may use it. Whom the policy does not name may not."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any


@dataclass(frozen=True)
class Policy:
    """The deployment's policy. Names of GitHub are compared in small letters.

    Attributes
    ----------
    users
        Logins that may use it.
    organisations
        Organisations whose members may.
    teams
        Teams whose members may, as "organisation/team".
    everyone
        Whether anyone with a GitHub account may.
    administrators
        Logins that may use it without limits, and see and revoke what others have.
    anonymous
        Whether people who have not signed in may, within small limits.
    """

    users: frozenset[str] = frozenset()
    organisations: frozenset[str] = frozenset()
    teams: frozenset[str] = frozenset()
    everyone: bool = False
    administrators: frozenset[str] = frozenset()
    anonymous: bool = False

    @classmethod
    def of(cls, described: Mapping[str, Any]) -> "Policy":
        """Read a policy.

        Raises
        ------
        ValueError
            If it says something that is not understood, which would otherwise be ignored.
        """
        values: dict[str, Any] = {}
        known = {field.name: field for field in fields(cls)}
        for name, value in described.items():
            if name not in known:
                raise ValueError(f"the policy has an unknown rule: {name}")
            if isinstance(known[name].default, bool):
                if not isinstance(value, bool):
                    raise ValueError(f"the policy's rule {name} has to be true or false")
                values[name] = value
            elif isinstance(value, list) and all(isinstance(each, str) for each in value):
                values[name] = frozenset(each.lower() for each in value)
            else:
                raise ValueError(f"the policy's rule {name} has to be a list of names")
        return cls(**values)

    def administers(self, login: str) -> bool:
        """Tell whether someone is an administrator."""
        return login.lower() in self.administrators

    def names(self, login: str) -> bool:
        """Tell whether someone may use it whatever they are a member of."""
        return self.everyone or login.lower() in self.users | self.administrators

    @property
    def asks_for_membership(self) -> bool:
        """Whether being a member of something lets people in."""
        return bool(self.organisations or self.teams)
