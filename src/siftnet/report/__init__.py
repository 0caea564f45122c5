"""From measured runs to one page and one picture."""
