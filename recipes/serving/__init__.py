"""Answers over HTTP what `zoo predict` answers on the command line: `zoo serve RUN`."""
