"""The checks of `vectord doctor`: each returns findings, and each finding that is not ok says how to fix it."""
