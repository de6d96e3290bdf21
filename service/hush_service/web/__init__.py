"""The service over HTTP: what knows of requests, headers and statuses is here."""
