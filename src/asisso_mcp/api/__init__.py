"""The Asisso API on the wire: client, transport, retries, responses, errors."""
