"""What `python3 course.py class --help` says; course.py shows it without an environment."""

HELP = """\
steps, in a class's order; A is an assignment, such as a1 or a1_pixels_and_metrics:
  validate A             does the solution get all points, and the students' version none?
  generate A             the students' version; --variant WORD changes values and pictures of tests
  collect A FOLDER       take over what was handed in: FOLDER/NAME.ipynb or FOLDER/NAME/….ipynb
  grade A [NAME ...]     grade all submissions, or some; NAMEs again
  points A FILE.csv      what a person reads: makes the table, or enters the points written in it
  feedback A             a page for each student
  export FILE.csv        all grades as a table
  rehearse [A ...]       the whole cycle with an invented class: points expected against given
"""
