"""vectord beside its peers: each in processes of its own, on the same data, stand-in and link."""
