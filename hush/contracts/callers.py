"""As whom a caller is counted, and how much they may have."""

import ipaddress
import re
from collections.abc import Mapping

OF_THE_TIER = "tier"
"""Says that a caller has no limits of their own."""

_LIMITS = re.compile(r"requests=([0-9]{1,9});seconds=([0-9]{1,9}(?:\.[0-9])?)", re.ASCII)


def address_identity(viewer: str) -> str:
    """Return the identity of someone known by their address alone.

    Parameters
    ----------
    viewer
        An IP address. Of IPv6, people have a /64 each and more, which counts as one.

    Returns
    -------
    str
        Such as "address:192.0.2.7" or "address:2001:db8::/64".

    Raises
    ------
    ValueError
        If it is no address.
    """
    address = ipaddress.ip_address(viewer)
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is None:
            return f"address:{ipaddress.IPv6Network((int(address), 64), strict=False)}"
        address = address.ipv4_mapped
    return f"address:{address}"


def limits_text(limits: Mapping[str, float] | None) -> str:
    """Return a caller's own limits as the gateway tells them.

    Parameters
    ----------
    limits
        How many "requests" and "seconds" of speech a day; None if those of the tier count.

    Returns
    -------
    str
        Such as "requests=100;seconds=3600.0", or `OF_THE_TIER`.
    """
    if limits is None:
        return OF_THE_TIER
    return f"requests={limits['requests']:.0f};seconds={limits['seconds']:.1f}"


def parse_limits(text: str) -> dict[str, float] | None:
    """Read what `limits_text` wrote; nothing at all is as if there were none.

    Raises
    ------
    ValueError
        If nobody could have written that.
    """
    if text in ("", OF_THE_TIER):
        return None
    found = _LIMITS.fullmatch(text)
    if found is None:
        raise ValueError(f"no limits: {text!r}")
    return {"requests": int(found[1]), "seconds": float(found[2])}


def viewer_of(identity: str) -> str:
    """Return an address that has an identity, which `address_identity` made."""
    return identity.removeprefix("address:").partition("/")[0]
