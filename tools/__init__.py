"""Developer tools: environments, the build, the local stack, checks and measurements. Nothing here ships."""
