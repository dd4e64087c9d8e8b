"""Showing: what a program consists of and what became of it, in words, as a graph, and as the stages go by."""
