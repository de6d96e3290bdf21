"""From a laptop to AWS and back: `make doctor`, `app`, `sandbox` and `destroy`."""
