"""Coverage-guided fuzzing, by atheris, of everything that reads bytes from outside; `make fuzz` runs it."""
