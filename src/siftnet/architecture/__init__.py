"""From ticket to network."""
