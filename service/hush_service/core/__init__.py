"""What the service does, whoever asks and over whatever: it knows nothing of HTTP."""
