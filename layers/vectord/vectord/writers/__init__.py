"""Writers: encode the rows of an index in the formats of an export."""
