"""The numeric kernels: distances, exact scans and the rotation, on numpy arrays."""
