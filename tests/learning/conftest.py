"""Its presence puts this folder on the path, so that the tests in folders below find learning_cases."""
