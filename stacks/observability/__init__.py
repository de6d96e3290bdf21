"""Who is told when something is wrong, and the picture of how it goes."""
