"""What files say in XMP, EXIF and the AIGC field of GB 45438: written, found and read."""
