"""Sampling heap profiles (`.heapprofile`): which functions allocated what is alive.

reading    the file -> frames, sizes and samples of a call tree
frames     where a frame is in the sources
calls      the call tree, equal frames merged; sizes, errors, totals
views      tables: by function, from the top down, from a function up
opened     the face of all
"""
