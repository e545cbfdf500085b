"""How profiles are learnt from a shop's log: predictions by a split in time, segments, fields, and honest figures."""
