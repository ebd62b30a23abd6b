"""Answer searches: choose a plan, find candidates, rescore them exactly."""
