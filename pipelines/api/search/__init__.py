"""`tune`: a search, what is told of it, and the check of its winner."""
