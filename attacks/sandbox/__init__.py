"""Hostile programs for the sandbox, the planted host they attack, and the namespaces that hold both."""
