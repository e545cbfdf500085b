"""Fine-tuning of the encoders on a shop's own pairs of photos and words.

Learnt from the catalogue alone (photos, titles, attributes), never from events: what people did cannot leak into the
vectors that recommendations are learnt from and judged by. A fifth of the products is set aside (`sides`); what comes
out is kept only where it finds these better than the encoder before it (`judging`).
"""
