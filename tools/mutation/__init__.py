"""Mutation runs by cosmic-ray: one configuration file for each area of the package, and the sampling of mutants."""
