"""The headers by which the parts of a deployment tell each other who asks.

CloudFront's function removes from a client's request whatever begins as they do.
"""

PREFIX = "x-hush-"
ORIGIN = f"{PREFIX}origin"
"""CloudFront to the gateway: the secret that shows that a request came through it."""
CREDENTIAL = f"{PREFIX}credential"
"""CloudFront to authorizer and sign-in: `bearer KEY`, `session TOKEN` or `none`."""
VIEWER = f"{PREFIX}viewer"
"""CloudFront to sign-in and service: the client's address."""
IDENTITY = f"{PREFIX}identity"
"""Gateway to service: who asks, such as "github:123", "deployment" or "anonymous"."""
TIER = f"{PREFIX}tier"
"""Gateway to service: "person", "unlimited" or "anonymous"."""
