"""Models of the monthly cost and the latency, from list prices, measurements and stated assumptions."""
