# The oldest processors on which code that we compile must run, the only place that states them: the Makefile includes this
# file for annoy's flags, and compiler.py reads it. Every x86-64 machine of Lambda supports Haswell (AVX2, 2013), and its
# Graviton2 supports armv8.2-a.
MARCH_x86_64  := -march=haswell
MARCH_aarch64 := -march=armv8.2-a
