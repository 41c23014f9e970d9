"""WHO runs an operation. Only this room, media and app may open a network connection."""
