"""A class with nbgrader: `python3 course.py class …`. See notebooks/assignments/TEACHING.md."""
