"""As whom a caller is counted."""

import ipaddress


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
