"""What hush is in AWS: a fleet, its image, API and site, and the pipeline that updates them."""
