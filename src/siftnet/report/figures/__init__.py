"""The page's figures, one subject a file."""
