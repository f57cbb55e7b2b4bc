"""What any file carries, read back: each layer, the credentials, and the verdict on them."""
