"""The JSON bodies of answers, in the order in which members are written. Each function imports what it answers."""
