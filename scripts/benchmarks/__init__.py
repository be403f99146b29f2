"""What the project claims about speed, measured: one module a claim, each returns a dict."""
