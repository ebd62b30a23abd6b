"""The index as a value: decode it, search it, change its rows, encode it; no network, no clock.

From low to high, and none imports a later one: kernels; sections; columns; rows, state and mutations; query; build; codec.
"""
