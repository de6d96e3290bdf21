"""What stands in the table of quotas beside what each identity used: what all of it costs."""

KEY = "fleet"
"""`id` of the item in which the governor counts what the fleet costs."""
STOPPED = "stopped"
"""Its attribute: whether what GPUs may cost this month is spent, so that nothing wakes them."""
BILL = "bill"
"""`id` of the item with what Cost Explorer said, and attribute of that."""
