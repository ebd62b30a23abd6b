"""One adapter for each library that is compared, and the protocol that they implement."""
