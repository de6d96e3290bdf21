"""What the way from the client to the GPU bears, stated once."""

MAX_BODY_BYTES = 10 * 2**20 - 2**16
"""API Gateway takes 10 MiB, form and all. Half a minute of speech is at most 0.4 MB."""
LONGEST_REQUEST_SECONDS = 60
"""CloudFront waits as long for an origin's first byte."""
QUEUE_SIZE = 64
"""Pictures that wait on one instance. What would be answered after CloudFront gives up is refused
at once, however few wait."""
REQUESTS_PER_SECOND, BURST = 20, 40
"""What API Gateway lets through, of all clients together."""
STAGE = "live"
"""API Gateway's stage. The service knows it too, as a VPC link passes it on in the path."""
