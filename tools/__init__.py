"""Developer tooling: environments, the build, the local stack and the demo. Nothing here ships."""
