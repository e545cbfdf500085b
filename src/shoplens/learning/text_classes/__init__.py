"""Classifiers of texts: examples read, a path chosen on validation, figures beside baselines, reports.

`examples` · `choosing` · `judging` · `baselines` · `benchmark` · `written` (files for people)
"""
