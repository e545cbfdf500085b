"""How good rankings are: per person (`ranking`), for the catalogue (`catalogue`), and how surely (`bootstrap`)."""
