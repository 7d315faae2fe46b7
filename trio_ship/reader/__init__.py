"""Reading: which files there are, what has become of them, and their bytes.

`watch` looks, `tails` keeps the files of a source, `rounds` reads and decodes
many of them in one step, `task` is the reader task of a source.
"""
