"""How good a tagger of entities is: `judging` the figures, `baseline` what it is measured against, `choosing` a tagger
that was trained and its precision, `benchmark` all of it on a folder, `written` for people."""
