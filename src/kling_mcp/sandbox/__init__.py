"""A pretend Kling, as strict as the contract. It never imports our client."""
