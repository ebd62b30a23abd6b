"""`.ci/run`: all checks of a change. Standard library only, because no environment exists when it starts."""
