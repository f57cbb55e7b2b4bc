"""What people do with images of the gallery: note, tag, hide, restore, move, pack.

Each act takes the primary keys of images, at most `MOST`, and changes those that the person may
see at that moment. It is one transaction. What a team sees of it is on the record; stars and
ratings are a person's own and are not.
"""
