"""Run the built functions as Lambda does: under its Runtime API on this machine, or in containers by `sam local`."""
