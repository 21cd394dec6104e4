"""Authentication of callers over HTTP: none, passthrough, token, oauth."""
