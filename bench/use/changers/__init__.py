"""How each participant changes an index in the bucket; every module has a class that satisfies `Changer`."""
