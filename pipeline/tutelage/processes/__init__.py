"""Processes that others start, and that must end with them. Standard library only."""
