"""From scores to an answer: candidates, rules, order, reasons."""
