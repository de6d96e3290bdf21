"""Where the governor says that the fleet is stopped: an item in the table of quotas."""

KEY = "fleet"
"""The item's `id`."""
STOPPED = "stopped"
"""Its attribute: whether what GPUs may cost this month is spent, so that nothing wakes them."""
