"""Checks of the whole project: known vulnerabilities, branch coverage, and the API against its OpenAPI document."""
