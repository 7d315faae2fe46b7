"""Reading: which files there are, what has become of them, and their bytes.

Best read from `task`, the reader task of a source, downwards:

* Looking: `watcher` is the task that looks, with a `watch` for each source.
* What became of each file: `files` takes in what was seen, `changes` and `arrivals`
  decide, `restore` does so after a restart; `known` tells files from strangers and
  `copies` from copies, `locate` finds them again, `folders` lists what is beside them,
  and `claims` says whose source a file of the checkpoint is.
* State: `chains` and `tails`.
* Bytes: `content` is a file, plain or compressed (`packed`, over `unpack` and
  `zstandard_frames`; `compressed` is what that changes for chains).
* Reading: `budget` says how much; `rounds` reads and decodes many files at once into an
  `arena`, with the `decoders` of the source, `samples` of new files, and `seek` where
  reading begins at a time; `turns` is for files that are written in another way from some
  line on; `reading` is what a round carries; `hops` are trips to a thread that may hang,
  which a `pulse` shows.
* `stdin` reads standard input, and `replay` reads again what a journal tells of.
"""
