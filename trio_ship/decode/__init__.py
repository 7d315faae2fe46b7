"""Decoding: the bytes that were read of many files, to the records of one batch.

Best read from `round`, which does all of it, downwards:

* Lines: `charsets` makes UTF-8 of what is not, `framing` finds lines, `leads` what stands
  in front of their text, and `containers` what a container runtime has wrapped.
* Records: `grouping` says which lines make one, `records` which stamp and key it has;
  `regions` is what decoding has to know of each file.
* Stamps: `stamps` reads columns of lines as one spelling says. That names a layout and one
  of its `places` in the line. `likely` has most lines at once, `members` those of JSON and
  logfmt (over `usual` and `nesting`); `others` is for lines that are written otherwise.
* A stamp at a known place: `readings` tries the variants of its layout. Each is one of the
  `shapes`, read 64 bits at a time, with `padding` for numbers of different widths,
  `endings` for what may follow, and `dates` for what seldom changes.
* Time: `zones` and their `abbreviations`; `years` and `days` for stamps that lack theirs.
* The layouts: `table` has all of them, from `names`, `numbers`, `orders` and `apart`, in
  the language of `layouts`; `looks` makes cheap looks of them.
* Finding out how a file writes its stamps: `detect` judges `guesses`, and says what it
  `found`; `telling` is about names of members, `plausible` about numbers, `ambiguous`
  about days and months, and `further` about files that have several layouts.
* Bytes: `words`, `windows` and `search` look at those of many lines at once, and so do
  the regular expressions of `patterns`.
"""
