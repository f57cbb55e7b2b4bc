"""Evidence: proves that the log is whole, in the database and in exports that leave the studio."""
