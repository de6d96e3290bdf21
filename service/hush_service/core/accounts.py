"""Whose quota a picture counts for, and how much that is."""

from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict, Field

UNLIMITED = "unlimited"
"""The tier whose accounts are not counted."""


class DayLimit(BaseModel):
    """How much one account may have in a day."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    requests: int = Field(ge=0)
    seconds: float = Field(ge=0)


@dataclass(frozen=True)
class Account:
    """Whose quota a picture counts for, as what is in front of the service says.

    Attributes
    ----------
    identity
        Such as "github:123" or "address:192.0.2.7".
    tier
        Which limit is theirs: one of those that the service's settings name, or `UNLIMITED`.
    limit
        One of their own, in place of the tier's; None if they have none.
    """

    identity: str
    tier: str
    limit: DayLimit | None = None
