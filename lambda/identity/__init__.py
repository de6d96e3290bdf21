"""Who someone is and what they may do, for the Lambdas that sign people in and let them in."""
