"""Finds entities in texts: a pretrained encoder's upper layers, a recurrent layer and a chain of labels, fine-tuned.

`units` cuts raw texts · `reading` what the network receives of a sentence · `blocks` which sentences are read
together · `chain` the conditional random field · `network` · `training` · `model` the tagger that was trained
"""
