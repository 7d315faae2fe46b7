"""Reading: which files there are, what has become of them, and their bytes.

`watcher` is the task that looks, with a `watch` for each source; `files` decides
what became of each file, with `known` and `locate`, and `restore` after a
restart; `chains` and `tails` are the state they keep, `content` the bytes of a
file, plain or compressed; `rounds` reads and decodes many files at once; `hops`
are trips to a thread that may hang; `task` is the reader task of a source, and
`stdin` that of standard input.
"""
