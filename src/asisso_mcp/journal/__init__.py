"""The journal: what was sent to the API, what became of it, and what takes it back."""
