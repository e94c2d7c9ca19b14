"""Source maps and source files: from what V8 ran back to what the programmer wrote.

Everything here reads local files only; an address on the network is never followed.
"""
