"""Numeric kernels on numpy arrays: exact distances, exact scans, ground truth and the rotation; pure functions."""
