"""What every training leaves behind: a record (`record`), to be compared (`compare`) and exported (`export`)."""
