"""The door: the load balancer's first rule, by which everything goes to the fleet.

While no instance is ready it is closed, and everything goes to the lobby, the status Lambda.
"""

PRIORITY = 1
"""The rule's, by which the Lambda finds it."""
OPEN, CLOSED = "/*", "/-/closed"
"""The only path for which the rule holds: every one, or one that nobody asks for."""
STARTING = "starting"
"""Code of the error that everybody gets meanwhile, with status 503."""
ASLEEP = "asleep"
"""Code of the same error for what wakes nothing: a look at the health, or a stranger."""
