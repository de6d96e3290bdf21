"""What stands for AWS on this machine, in `make demo AUTH=1` and in tests."""
