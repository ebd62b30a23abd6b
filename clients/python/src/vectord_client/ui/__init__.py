"""`vectord ui`: a local server of one read-only page, which passes the page's requests on through the client."""
