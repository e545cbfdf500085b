"""`python -m shoplens`: the command line where its script is not on the path."""

from shoplens.cli import main

if __name__ == "__main__":
    main()
