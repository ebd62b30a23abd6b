"""Client of vectord."""
