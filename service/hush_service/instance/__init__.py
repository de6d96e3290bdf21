"""What runs beside the service on an instance of the fleet: it watches, measures, and lets go."""
