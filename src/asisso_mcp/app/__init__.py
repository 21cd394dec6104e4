"""The view of campaigns for people: its files in `view/`, which the server reads, and the dashboard that hosts it in a browser."""
