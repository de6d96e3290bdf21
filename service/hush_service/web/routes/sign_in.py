"""What the page asks everywhere: who is signed in. This service alone has no sign-in."""

from typing import Literal

from fastapi import APIRouter
from pydantic import BaseModel

router = APIRouter(prefix="/auth")


class Me(BaseModel):
    """Nobody is signed in, and nobody can."""

    sign_in: Literal[False] = False
    signed_in: Literal[False] = False


@router.get("/me")
async def me() -> Me:
    """Say that there is no sign-in; where there is one, it answers in this service's place."""
    return Me()
