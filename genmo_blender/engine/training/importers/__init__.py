"""One importer a file; each turns one kind of data set into `Clip`s. `folders` knows which one reads a folder."""
