"""How good answers are: rankings per person (`ranking`) and for the catalogue (`catalogue`), classes
(`classification`), probabilities and ratings (`probability`); and how surely (`bootstrap`)."""
