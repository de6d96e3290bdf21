"""What several programs of hush must agree on, written once.

The service, the bridge, the Lambdas, the cloud's templates and the stand-ins on a laptop import it;
the Lambdas have it bundled. So it needs nothing but Python's own library.
"""
