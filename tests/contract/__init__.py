"""Bodies written by hand from Kling's contract, which client and sandbox must both agree with."""
