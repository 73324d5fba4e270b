"""What all lessons are written on: numbers as on paper, a page that checks itself, exercises, sketches."""
