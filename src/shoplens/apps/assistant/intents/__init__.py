"""What customers want, learnt from dialogues of the past: which intent a message has, and what is answered to it."""
