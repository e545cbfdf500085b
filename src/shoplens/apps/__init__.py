"""What a shop does with a model, one file per application; none imports another."""
