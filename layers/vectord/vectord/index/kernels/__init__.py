"""Arithmetic on numpy arrays: exact distances and scans, codes with estimated distances, products of matrices."""
