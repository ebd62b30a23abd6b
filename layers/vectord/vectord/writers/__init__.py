"""Write an index in the formats that other tools read."""
