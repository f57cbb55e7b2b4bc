"""C2PA: the manifest that is signed into each file, and the time stamp of its signature."""
