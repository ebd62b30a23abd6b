"""The index as a value: decode it, search it, change its rows, encode it; no network, no clock.

From low to high, each imports only earlier ones: kernels; sections; text; columns; rows, state, mutations; query;
build; codec.
"""
