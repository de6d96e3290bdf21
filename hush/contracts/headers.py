"""The headers by which the parts of a deployment tell each other who asks.

CloudFront's function (`stacks/viewer_request.js`) removes from a client's request whatever begins
as they do, and writes two of them.
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

SESSION_COOKIE = "__Host-hush"
"""The cookie in which a browser keeps its session's token."""
LONGEST_CREDENTIAL = 4096
"""Characters of a key or a session's token. What is longer is none of ours."""
