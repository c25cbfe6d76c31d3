"""What people see: documents of the API as text, tables and moving pictures.

Pure but for the pictures: values in, something printable out. No file here speaks to a server.
"""
