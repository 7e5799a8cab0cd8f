"""One module per console command; each has a function of its name. Heavy imports stay inside the
functions.
"""
