"""Reading: which files there are, what has become of them, and their bytes.

`watch` looks; `files` decides what became of each file, with `known` and
`locate`, and `restore` after a restart; `chains` and `tails` are the state they
keep; `rounds` reads and decodes many files in one step; `task` is the reader
task of a source, and `stdin` that of standard input.
"""
