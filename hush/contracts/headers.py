"""hush's own headers: by most of them, the parts of a deployment tell each other who asks.

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
"""Gateway to service: "person", "unlimited" or "anonymous"; "none" for those who may not use it,
and only look at what is open to all."""
LIMITS = f"{PREFIX}limits"
"""Gateway to service: how much that caller may have in a day; see `callers.limits_text`."""
WAKING_TIERS = ("person", "unlimited", "anonymous")
"""Tiers of those who may use the fleet, and wake it by what they ask."""
REQUEST = "x-request-id"
"""Gateway to service, and service to client: what one request is called in logs. OpenAI's clients
know this name."""
GATEWAY_REQUEST = "x-amzn-requestid"
"""Gateway to client, with every answer: the same, by API Gateway's own name."""
UNHEARD = f"{PREFIX}unheard"
"""Service and bridge to client: where speech has no words, as `41.20-47.00, 123.40-126.00`."""

MODEL = "hush-model"
"""Service to client: the model whose words these are."""
COMING = "hush-coming"
"""Responder to client: the larger models that are on their way, as `small, turbo`."""
WAIT_FOR = "hush-wait-for"
"""Client to load balancer: `fleet` says that no words of the responder's are wanted. What begins
with `PREFIX` would not come through."""
FLEET = "fleet"

SESSION_COOKIE = "__Host-hush"
"""The cookie in which a browser keeps its session's token."""
LONGEST_CREDENTIAL = 4096
"""Characters of a key or a session's token. What is longer is none of ours."""
