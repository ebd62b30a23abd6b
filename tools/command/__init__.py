"""What every command needs: a scratch folder, child processes that end with it, interrupts, and console output."""
