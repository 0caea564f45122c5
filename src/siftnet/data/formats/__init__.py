"""Files of the field, one reader a file: `read(config) -> Raw`."""
