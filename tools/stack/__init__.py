"""The deployed stack on this machine: MiniStack in place of AWS, the built template, the API's routes, a client."""
