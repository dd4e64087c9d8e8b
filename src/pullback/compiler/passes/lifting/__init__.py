"""Lifting: what need not be done at each step of a loop is done at once, before it or after it.

`hoist` does before it what does not depend on what is carried; `sink` after it what it only adds up, or only writes;
`stacks` makes one array of what a value is at all steps; `trim` leaves out what is carried, read and given for nothing.
"""
