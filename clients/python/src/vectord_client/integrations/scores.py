"""Scores that grow with similarity, as the frameworks expect them, from distances."""


def similarity(distance: str, value: float) -> float:
    """Return the similarity at a distance: the cosine, from -1 to 1, or 1 / (1 + d) for euclidean, from 0 to 1."""
    return 1.0 - value if distance == "cosine" else 1.0 / (1.0 + value)


def scaled_similarity(distance: str, value: float) -> float:
    """Return the similarity at a distance on a scale from 0 to 1: half of 1 + cosine, or 1 / (1 + d)."""
    found = similarity(distance, value)
    return (1.0 + found) / 2.0 if distance == "cosine" else found
