"""Values that travel through the service, such as options and results, and the environment that it runs in."""
