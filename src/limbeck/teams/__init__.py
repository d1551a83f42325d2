"""A generalist with its team of specialists, from training to tables and back into one net (Hinton et al. 2015, s. 5).

plan.py       what a recipe is asked for
training.py   generalists, special sets, specialists: arms of one study
choosing.py   which try stands, by held-out examples
students.py   back into one net, and what stands beside it
tables.py     the paper's three tables, rows of record
costs.py      examples and seconds that specialists take
findings.py   differences in sentences
road.py       one after the other

Imported by recipes before torch is: `plan` alone waits for nothing.
"""
