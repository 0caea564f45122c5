"""What a table's file holds, and what of it becomes inputs and targets. N rows, I features.

Files: file_bytes (what a file is, by its bytes), csv_text (the lines of a CSV, before pandas sees them), csv_columns,
header (whether its first line is names) and parquet make a Frame of typed columns (frame.py); spelling says which text
is a number, exactly, codes which digits are names, doubts what columns may not be what they look like. From a Frame:
roles (which columns are no inputs), target, features, order (columns under a geometry), pictures (a column of images).
"""
