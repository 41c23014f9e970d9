"""What goes in and what comes out: downloads, probing, pictures for the model."""
