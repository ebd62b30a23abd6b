"""The index as a value: decode it, search it, change its rows, encode it; no network, no clock.

Lower layers first, none imports a later one: kernels; rows; sections; state; columns; query; build; codec.
"""
