"""A pretrained text encoder that learns a task: read by its lower layers once, the layers above fine-tuned with a head.

`settings` how long and how fast · `alignment` units (words, characters) to tokens · `layers` what learns ·
`fitting` the loop · `served` the outcome as an ONNX graph, written and read · `matrices` the same in bfloat16.
"""
