"""Labs: a whole course by one command, each of its figures beside ours. One lab, one file, one function named like it.

plan.py is what a lab is, bench.py reads our figures from its run folders, page.py shows the two beside each other.
"""
