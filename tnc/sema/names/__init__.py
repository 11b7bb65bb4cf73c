"""What names stand for, and where they can be seen."""
