"""What is inside a letter: headers, MIME tree as offsets, dates, trace fields."""
