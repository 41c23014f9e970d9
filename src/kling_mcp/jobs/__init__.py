"""WHERE a paid job stands. The ledger is the only SQL; the moves are pure."""
