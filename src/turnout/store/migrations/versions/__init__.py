"""One file per step, numbered in order. A released file is never changed."""
