"""What benchmarks have Turnout run. Programs of their own: nobody imports them."""
