"""Rows and the statements over them. Documents are kept here, never understood."""
