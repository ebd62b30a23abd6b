"""Coverage-guided fuzzing with atheris of every parser of outside bytes; `make fuzz` runs it."""
