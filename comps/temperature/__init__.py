"""Temperature: the air 24 hours ahead, from the weather of the 120 hours before."""
